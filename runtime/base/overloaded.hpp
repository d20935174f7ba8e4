/// Visitor made of lambdas, for std::visit over effects.
#pragma once

namespace glow {

template <class... Lambdas>
struct overloaded : Lambdas... {
  using Lambdas::operator()...;
};
template <class... Lambdas>
overloaded(Lambdas...) -> overloaded<Lambdas...>;

} // namespace glow
