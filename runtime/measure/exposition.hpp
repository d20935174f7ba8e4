/// Measurements as OpenMetrics 1.0 text (https://github.com/OpenObservability/OpenMetrics, specification 1.0.0).
///
///   # TYPE glow_link_bytes counter
///   # UNIT glow_link_bytes bytes
///   # HELP glow_link_bytes Sealed bytes that a link carried.
///   glow_link_bytes_total{link="3",peer="nas",direction="in"} 70512
///   # EOF
///
/// Samples may be added in any order; a family's lines stand together in the text, as the format demands. A value: actors
/// fill one each, the control actor joins them.
/// Refuses to keep measurements: whoever counts asks nothing of this until somebody wants to read.
#pragma once

#include "runtime/measure/histogram.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace glow::measure {

/// What a name stands for. Made at compile time, so that a mistake in a name is one.
struct family {
  std::string_view name; ///< without `_total`; ends with its unit
  std::string_view help; ///< one sentence
  std::string_view unit; ///< "bytes", "seconds"; empty: a number of things

  consteval family(std::string_view n, std::string_view h, std::string_view u = {}) : name{n}, help{h}, unit{u} {
    for (auto c : n)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) throw "a metric's name is of a-z 0-9 _";
    if (n.empty() || h.empty() || n.ends_with("_total") || n.ends_with("_bucket") || n.ends_with("_count")
        || n.ends_with("_info"))
      throw "a family's name is without the suffixes of its samples";
    if (!u.empty() && !(n.size() > u.size() && n.ends_with(u) && n[n.size() - u.size() - 1] == '_'))
      throw "a family's name ends with its unit";
  }
};

/// `name`: a-z and _, not one of the format's own (le, quantile). `value` may hold anything: it is escaped.
struct label {
  std::string_view name;
  std::string value;
};
using labels = std::vector<label>;

class exposition {
public:
  /// Only grows while what is counted lives.
  void counter(const family& of, const labels& where, std::uint64_t value);
  /// A counter of parts: seconds.
  void counter(const family& of, const labels& where, double value);
  void gauge(const family& of, const labels& where, double value);
  /// Facts that are labels.
  void info(const family& of, const labels& facts);
  /// In seconds. Requires: the family's unit is "seconds".
  void times(const family& of, const labels& where, const histogram& values);

  /// Adds what the other holds, families of the same name being one.
  void merge(exposition&& other);
  bool empty() const { return families_.empty(); }
  /// The whole document, `# EOF` included.
  std::string text() const;

private:
  struct collected {
    std::string_view name;
    std::string_view help;
    std::string_view unit;
    std::string_view type;
    std::string samples;
  };
  std::string& samples_of(const family& of, std::string_view type);
  collected* find(std::string_view name);

  std::vector<collected> families_; ///< in the order of their first samples; some dozens
};

inline constexpr std::string_view open_metrics_content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

} // namespace glow::measure
