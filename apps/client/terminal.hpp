/// The terminal, or whatever stands in its place: tables, a progress bar, a QR code.
/// Refuses to know what is shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glow::client {

enum class tint { plain, good, warning, bad, faint, bold };

struct terminal {
  bool interactive = false; ///< a person looks at it
  bool coloured = false;
  std::size_t columns = 0;   ///< 0: no limit (a pipe or a file)
  std::size_t rows = 0;      ///< likewise
  bool moves_cursor = false; ///< it understands control sequences

  /// NO_COLOR (no-color.org) and TERM=dumb switch colours off.
  static terminal of(int fd);
  std::string painted(std::string_view text, tint colour) const;
};

/// Aligned columns under headings. The columns that may shrink give way when the terminal is too narrow.
class table {
public:
  struct column {
    std::string title;
    bool to_the_right = false;
    bool shrinks = false;
  };
  struct cell {
    cell(std::string t, tint c = tint::plain) : text{std::move(t)}, colour{c} {}
    cell(const char* t) : text{t} {}
    std::string text; ///< printable
    tint colour = tint::plain;
  };

  explicit table(std::vector<column> columns) : columns_{std::move(columns)} {}
  /// Requires: as many cells as columns.
  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::string render(const terminal& on) const;

private:
  std::vector<std::size_t> widths(const terminal& on) const;

  std::vector<column> columns_;
  std::vector<std::vector<cell>> rows_;
};

/// What replaces the frame before it, in place: a heading and as much of `body` as the terminal is high, never a row more.
/// Requires: on.moves_cursor.
std::string frame(const terminal& on, const std::string& heading, const std::string& body);
/// Around all frames: lines that are too long are cut instead of wrapped, and the cursor hides.
std::string frames_begin();
std::string frames_end();

/// A bar on stderr with rate and time left. Draws nothing where nobody looks, and at most ten times a second.
class progress_bar {
public:
  using clock = std::chrono::steady_clock;

  explicit progress_bar(terminal on) : on_{on} {}
  ~progress_bar() { clear(); }
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;

  /// `what`: the file or step at hand. `total` 0 while unknown. `eta_s` where somebody knows better than the bar.
  void update(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
              std::optional<double> eta_s = {});
  /// Takes the bar away, so that other lines can be written.
  void clear();

private:
  void measure(std::uint64_t done, clock::time_point now);
  std::string line(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
                   std::optional<double> eta_s) const;

  terminal on_;
  bool drawn_ = false;
  clock::time_point drawn_at_{};
  clock::time_point measured_at_{};
  std::uint64_t measured_done_ = 0;
  double rate_ = 0; ///< units per second, smoothed
};

/// `text` as a QR code of half blocks, dark on light so that any camera reads it; empty when it does not fit one.
std::string qr_code(const std::string& text);

} // namespace glow::client
