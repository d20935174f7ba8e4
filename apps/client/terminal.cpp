#include "apps/client/terminal.hpp"

#include "apps/client/text.hpp"

#include <qrencode.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace glow::client {
namespace {

constexpr std::size_t gap_columns = 2;
constexpr std::size_t column_width_min = 8; ///< a shrinking column keeps at least so much
constexpr std::size_t bar_columns = 24;

const char* colour_code(tint colour) {
  switch (colour) {
  case tint::plain: return "";
  case tint::good: return "\x1b[32m";
  case tint::warning: return "\x1b[33m";
  case tint::bad: return "\x1b[31m";
  case tint::faint: return "\x1b[2m";
  case tint::bold: return "\x1b[1m";
  }
  return "";
}

std::string padded(const terminal& on, const table::cell& cell, std::size_t width, bool to_the_right, bool last) {
  auto text = clipped(cell.text, width);
  std::string space(width - std::min(width, display_width(text)), ' ');
  auto shown = on.painted(text, cell.colour);
  if (to_the_right) return space + shown;
  return last ? shown : shown + space; // no blanks at the end of a line
}

} // namespace

terminal terminal::of(int fd) {
  terminal out;
  out.interactive = ::isatty(fd) == 1;
  if (!out.interactive) return out;
  auto* no_colour = std::getenv("NO_COLOR");
  auto* kind = std::getenv("TERM");
  out.moves_cursor = kind && *kind && std::string_view{kind} != "dumb";
  out.coloured = !(no_colour && *no_colour) && out.moves_cursor;
  winsize size{};
  const bool told = ::ioctl(fd, TIOCGWINSZ, &size) == 0;
  out.columns = told && size.ws_col > 0 ? size.ws_col : 80;
  out.rows = told && size.ws_row > 0 ? size.ws_row : 24;
  return out;
}

std::string terminal::painted(std::string_view text, tint colour) const {
  if (!coloured || colour == tint::plain || text.empty()) return std::string{text};
  return std::string{colour_code(colour)} + std::string{text} + "\x1b[0m";
}

std::vector<std::size_t> table::widths(const terminal& on) const {
  std::vector<std::size_t> out;
  for (auto& each : columns_) out.push_back(display_width(each.title));
  for (auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) out[i] = std::max(out[i], display_width(row[i].text));
  if (on.columns == 0) return out;
  auto total = gap_columns * (out.size() - 1);
  for (auto width : out) total += width;
  while (total > on.columns) { // the widest column that may shrink gives one column at a time
    std::size_t widest = out.size();
    for (std::size_t i = 0; i < out.size(); ++i)
      if (columns_[i].shrinks && out[i] > column_width_min && (widest == out.size() || out[i] > out[widest])) widest = i;
    if (widest == out.size()) break;
    --out[widest];
    --total;
  }
  return out;
}

std::string table::render(const terminal& on) const {
  auto width = widths(on);
  std::string out;
  auto line = [&](const std::vector<cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      auto last = i + 1 == row.size();
      out += padded(on, row[i], width[i], columns_[i].to_the_right, last);
      if (!last) out.append(gap_columns, ' ');
    }
    out += '\n';
  };
  std::vector<cell> titles;
  for (auto& each : columns_) titles.emplace_back(each.title, tint::bold);
  line(titles);
  for (auto& row : rows_) line(row);
  return out;
}

std::string frame(const terminal& on, const std::string& heading, const std::string& body) {
  constexpr auto to_line_end = "\x1b[K";
  std::vector<std::string_view> lines;
  for (std::string_view left = body; !left.empty();) {
    auto end = std::min(left.find('\n'), left.size());
    lines.push_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  const auto room = on.rows > 1 ? on.rows - 1 : 1; // below the heading
  const auto whole = lines.size() <= room;
  const auto shown = whole ? lines.size() : room - 1;
  auto out = "\x1b[H" + on.painted(clipped(heading, on.columns), tint::faint) + to_line_end;
  for (std::size_t i = 0; i < shown; ++i) (out += "\r\n") += std::string{lines[i]} + to_line_end;
  if (!whole) out += "\r\n" + on.painted("… " + std::to_string(lines.size() - shown) + " more lines", tint::faint) + to_line_end;
  return out + "\x1b[J";
}

std::string frames_begin() { return "\x1b[?25l\x1b[?7l"; }
std::string frames_end() { return "\x1b[?7h\x1b[?25h\r\n"; }

void progress_bar::measure(std::uint64_t done, clock::time_point now) {
  if (measured_at_ == clock::time_point{} || done < measured_done_) {
    measured_at_ = now;
    measured_done_ = done;
    rate_ = 0;
    return;
  }
  auto seconds = std::chrono::duration<double>(now - measured_at_).count();
  if (seconds < 0.2) return;
  auto sample = static_cast<double>(done - measured_done_) / seconds;
  auto weight = rate_ == 0 ? 1.0 : 1 - std::exp(-seconds / 3); // the last three seconds or so count
  rate_ += weight * (sample - rate_);
  measured_at_ = now;
  measured_done_ = done;
}

std::string progress_bar::line(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
                               std::optional<double> eta_s) const {
  auto bytes = unit == "B";
  auto amount = [&](double value) { return bytes ? human_size(value) : std::to_string(static_cast<std::uint64_t>(value)); };
  std::string out;
  if (total > 0) {
    auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    auto full = static_cast<std::size_t>(share * bar_columns);
    out += '[';
    for (std::size_t i = 0; i < bar_columns; ++i) out += i < full ? "█" : "░";
    out += "] " + std::to_string(static_cast<int>(share * 100)) + " % ";
  }
  out += amount(static_cast<double>(done));
  if (total > 0) out += "/" + amount(static_cast<double>(total));
  if (!bytes) out += " " + std::string{unit};
  if (rate_ > 0) {
    char per_second[32];
    std::snprintf(per_second, sizeof per_second, "%.1f", rate_);
    out += bytes ? "  " + human_size(rate_) + "/s" : "  " + std::string{per_second} + "/s";
  }
  if (!eta_s && rate_ > 0 && total > done) eta_s = static_cast<double>(total - done) / rate_;
  if (eta_s && *eta_s >= 0) out += "  " + human_duration(*eta_s) + " left";
  auto name = printable(what);
  auto room = on_.columns > display_width(out) + 4 ? on_.columns - display_width(out) - 4 : 0;
  if (!name.empty() && room >= column_width_min) out += "  " + clipped(name, room);
  return clipped(out, on_.columns > 1 ? on_.columns - 1 : 79);
}

void progress_bar::update(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
                          std::optional<double> eta_s) {
  if (!on_.interactive) return;
  auto now = clock::now();
  measure(done, now);
  if (drawn_ && now - drawn_at_ < std::chrono::milliseconds{100}) return;
  auto text = "\r\x1b[K" + line(what, done, total, unit, eta_s);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
  drawn_at_ = now;
}

void progress_bar::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

std::string qr_code(const std::string& text) {
  std::unique_ptr<QRcode, decltype(&QRcode_free)> code{QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_L), &QRcode_free};
  if (!code) return {};
  constexpr int quiet = 2; // modules of margin: the standard asks for four, cameras are content with two
  auto dark = [&](int x, int y) {
    auto inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return inside && (code->data[y * code->width + x] & 1) != 0;
  };
  std::string out;
  for (int y = -quiet; y < code->width + quiet; y += 2) {
    for (int x = -quiet; x < code->width + quiet; ++x) {
      // light modules are drawn, since most terminals are dark
      auto upper = !dark(x, y);
      auto lower = !dark(x, y + 1);
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += '\n';
  }
  return out;
}

} // namespace glow::client
