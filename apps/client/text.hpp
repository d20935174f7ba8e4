/// How values look to people: names that cannot harm a terminal, sizes, rates, times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace glow::client {

/// A name for a terminal: control characters, bytes that are no UTF-8, and characters that turn the writing direction are
/// written as `\n`, `\x1b`, `\u{202e}`; a backslash as `\\`, so that two names never look alike.
std::string printable(std::string_view name);
/// The same for a sentence that names may stand in: one line, its backslashes left alone.
std::string printable_line(std::string_view text);
/// Columns that the text takes on a terminal. Requires: printable text.
std::size_t display_width(std::string_view text);
/// The first `columns` columns, with `…` at the end where something was cut.
std::string clipped(std::string_view text, std::size_t columns);

/// `0 B`, `1.5 KiB`, `12 MiB`.
std::string human_size(double bytes);
/// Bits per second: `940 Mbit/s`; `-` when unknown.
std::string human_rate(double bits_per_second);
/// `0.31 ms`, `2.4 s`; `-` when unknown (negative).
std::string human_rtt(double ms);
/// `5s`, `3m12s`, `2h05m`, `3d4h`; `-` when unknown (negative).
std::string human_duration(double seconds);
/// Local time, `2026-11-22 10:41`.
std::string human_time(std::int64_t unix_ms);

} // namespace glow::client
