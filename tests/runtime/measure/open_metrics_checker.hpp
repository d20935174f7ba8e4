/// A strict reader of OpenMetrics 1.0 text, as far as Glow writes it: counter, gauge, histogram, info.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace glow_test {

class open_metrics_checker {
public:
  /// What is wrong with the first line that is; empty: nothing.
  std::string check(const std::string& text) {
    if (!text.ends_with("# EOF\n")) return "does not end with # EOF";
    std::istringstream lines{text.substr(0, text.size() - 6)};
    for (std::string line; std::getline(lines, line);)
      if (auto wrong = check_line(line); !wrong.empty()) return wrong + ": " + line;
    return close_family();
  }

private:
  struct sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
  };

  std::string check_line(const std::string& line) {
    if (line.empty()) return "an empty line";
    if (line[0] == '#') return check_description(line);
    auto read = parse(line);
    if (!read) return "no sample";
    if (family_.empty() || !read->name.starts_with(family_)) return "a sample outside of its family";
    return check_sample(*read);
  }

  std::string check_description(const std::string& line) {
    std::istringstream words{line};
    std::string hash, what, name, rest;
    words >> hash >> what >> name;
    std::getline(words, rest);
    if (rest.size() < 2 || rest[0] != ' ' || hash != "#") return "a description without its words";
    rest.erase(0, 1);
    if (what == "TYPE") {
      if (auto wrong = close_family(); !wrong.empty()) return wrong;
      if (!seen_.insert(name).second) return "a family that stood before";
      if (rest != "counter" && rest != "gauge" && rest != "histogram" && rest != "info") return "an unknown type";
      family_ = name;
      type_ = rest;
      return "";
    }
    if (name != family_ || !points_.empty()) return "a description in the wrong place";
    if (what == "UNIT") return name.ends_with("_" + rest) ? "" : "a name without its unit";
    return what == "HELP" ? "" : "an unknown description";
  }

  std::string check_sample(const sample& read) {
    auto suffix = read.name.substr(family_.size());
    if (!points_.insert(read.name + key_of(read.labels)).second) return "a sample that stood before";
    if (type_ == "counter") return suffix == "_total" && read.value >= 0 ? "" : "no counter's sample";
    if (type_ == "gauge") return suffix.empty() ? "" : "no gauge's sample";
    if (type_ == "info") return suffix == "_info" && read.value == 1 ? "" : "no info's sample";
    return check_histogram(read, suffix);
  }

  std::string check_histogram(const sample& read, const std::string& suffix) {
    auto where = read.labels;
    auto bound = where.extract("le");
    if (suffix == "_bucket") {
      if (bound.empty()) return "a bucket without its bound";
      if (!in_buckets_) in_buckets_ = true, last_bound_ = -1, last_count_ = 0, infinite_ = false, point_ = key_of(where);
      if (point_ != key_of(where)) return "buckets of two histograms mixed";
      auto value = bound.mapped() == "+Inf" ? 1e300 : std::strtod(bound.mapped().c_str(), nullptr);
      if (value <= last_bound_ || read.value < last_count_) return "buckets that do not grow";
      last_bound_ = value, last_count_ = read.value, infinite_ = bound.mapped() == "+Inf";
      return "";
    }
    if (suffix == "_count") {
      auto good = in_buckets_ && infinite_ && bound.empty() && point_ == key_of(where) && read.value == last_count_;
      in_buckets_ = false;
      return good ? "" : "a count other than that of its last bucket";
    }
    return suffix == "_sum" && !in_buckets_ && point_ == key_of(where) && read.value >= 0 ? "" : "no histogram's sample";
  }

  std::string close_family() {
    auto open = in_buckets_;
    points_.clear();
    in_buckets_ = false;
    return open ? "buckets without their count" : "";
  }

  static std::string key_of(const std::map<std::string, std::string>& labels) {
    std::string out;
    for (auto& [name, value] : labels) out += "{" + name + "=" + value;
    return out;
  }

  static bool is_name(const std::string& text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos
           && !(text[0] >= '0' && text[0] <= '9');
  }

  static std::optional<sample> parse(const std::string& line) {
    sample out;
    auto at = line.find_first_of("{ ");
    if (at == std::string::npos) return {};
    out.name = line.substr(0, at);
    if (!is_name(out.name)) return {};
    if (line[at] == '{' && !parse_labels(line, ++at, out.labels)) return {};
    if (at >= line.size() || line[at] != ' ') return {};
    char* end = nullptr;
    out.value = std::strtod(line.c_str() + at + 1, &end);
    if (end != line.c_str() + line.size() || end == line.c_str() + at + 1 || line[at + 1] == ' ') return {};
    return out;
  }

  static bool parse_labels(const std::string& line, std::size_t& at, std::map<std::string, std::string>& out) {
    while (at < line.size() && line[at] != '}') {
      auto equals = line.find("=\"", at);
      if (equals == std::string::npos) return false;
      auto name = line.substr(at, equals - at);
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] != '\\') {
          value += line[at];
        } else if (++at < line.size() && (line[at] == '\\' || line[at] == '"' || line[at] == 'n')) {
          value += line[at];
        } else {
          return false;
        }
      }
      if (at >= line.size() || !is_name(name) || !out.emplace(name, value).second) return false;
      ++at;
      if (at < line.size() && line[at] == ',') ++at;
    }
    return at < line.size() && line[at++] == '}';
  }

  std::string family_, type_;
  std::set<std::string> seen_, points_;
  std::string point_;
  bool in_buckets_ = false, infinite_ = false;
  double last_bound_ = -1, last_count_ = 0;
};

inline std::string complaint_about(const std::string& text) { return open_metrics_checker{}.check(text); }

} // namespace glow_test
