#include "runtime/measure/exposition.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "tests/runtime/measure/open_metrics_checker.hpp"

using namespace glow;
using namespace glow::measure;
using glow_test::complaint_about;

namespace {

constexpr family bytes_carried{"glow_link_bytes", "Bytes \"carried\".\\", "bytes"};
constexpr family drops{"glow_router_drops", "Packets that went nowhere."};
constexpr family round_trips{"glow_link_rtt_seconds", "Round trips.", "seconds"};
constexpr family up{"glow_uptime_seconds", "Since the start.", "seconds"};
constexpr family build{"glow_build", "What runs."};

exposition some_of_everything(const std::string& name) {
  exposition out;
  histogram values;
  for (auto each : {50us, 64us, 65us, 3000us, 400000us}) values.record(each);
  out.counter(bytes_carried, {{"link", "1"}, {"peer", name}}, std::uint64_t{70512});
  out.times(round_trips, {{"link", "1"}}, values);
  out.counter(bytes_carried, {{"link", "2"}, {"peer", name}}, ~std::uint64_t{0});
  out.gauge(up, {}, 1.5);
  out.info(build, {{"version", name}});
  out.times(round_trips, {{"link", "2"}}, {});
  out.counter(drops, {}, 0.25);
  return out;
}

} // namespace

TEST_CASE("nothing measured is still a document") {
  CHECK(exposition{}.text() == "# EOF\n");
  CHECK(exposition{}.empty());
}

TEST_CASE("a family's lines stand together, its description before them") {
  exposition out;
  out.counter(bytes_carried, {{"link", "1"}}, std::uint64_t{5});
  out.gauge(up, {}, 1.5);
  out.counter(bytes_carried, {{"link", "2"}, {"peer", "nas"}}, std::uint64_t{6});
  CHECK(out.text()
        == "# TYPE glow_link_bytes counter\n"
           "# UNIT glow_link_bytes bytes\n"
           "# HELP glow_link_bytes Bytes \\\"carried\\\".\\\\\n"
           "glow_link_bytes_total{link=\"1\"} 5\n"
           "glow_link_bytes_total{link=\"2\",peer=\"nas\"} 6\n"
           "# TYPE glow_uptime_seconds gauge\n"
           "# UNIT glow_uptime_seconds seconds\n"
           "# HELP glow_uptime_seconds Since the start.\n"
           "glow_uptime_seconds 1.5\n"
           "# EOF\n");
}

TEST_CASE("a histogram's buckets are cumulative, in seconds, and end with all of them") {
  exposition out;
  histogram values;
  for (auto each : {50us, 64us, 65us}) values.record(each);
  values.record(2min);
  out.times(round_trips, {{"link", "1"}}, values);
  auto text = out.text();
  CHECK_THAT(text, Catch::Contains("# TYPE glow_link_rtt_seconds histogram\n"));
  CHECK_THAT(text, Catch::Contains("_bucket{link=\"1\",le=\"6.4e-05\"} 2\n"));
  CHECK_THAT(text, Catch::Contains("_bucket{link=\"1\",le=\"0.000128\"} 3\n"));
  CHECK_THAT(text, Catch::Contains("_bucket{link=\"1\",le=\"67.108864\"} 3\n"));
  CHECK_THAT(text, Catch::Contains("_bucket{link=\"1\",le=\"+Inf\"} 4\n"));
  CHECK_THAT(text, Catch::Contains("_count{link=\"1\"} 4\n"));
  CHECK_THAT(text, Catch::Contains("_sum{link=\"1\"} 120.000179\n"));
}

TEST_CASE("label values are escaped, and what is no UTF-8 is replaced") {
  exposition out;
  out.info(build, {{"version", "a\\b\"c\nd\xff\xc3\xa4\xe2\x82"}});
  CHECK_THAT(out.text(), Catch::Contains("{version=\"a\\\\b\\\"c\\nd\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\"} 1\n"));
}

TEST_CASE("the text keeps the rules of OpenMetrics, whatever the names are") {
  CHECK(complaint_about(some_of_everything("nas").text()) == "");
  CHECK(rc::check([] {
    auto name = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    RC_ASSERT(complaint_about(some_of_everything(name).text()) == "");
  }));
}

TEST_CASE("joined measurements are one document in which each family stands once") {
  exposition all;
  exposition other;
  other.counter(bytes_carried, {{"link", "9"}}, std::uint64_t{1});
  other.gauge(family{"glow_mailbox", "Waiting messages."}, {}, 0);
  all.merge(some_of_everything("nas"));
  all.merge(std::move(other));
  CHECK(complaint_about(all.text()) == "");
  CHECK_THAT(all.text(), Catch::Contains("glow_link_bytes_total{link=\"9\"} 1\n# TYPE glow_link_rtt_seconds"));
}

TEST_CASE("the checker of these tests finds what is wrong") {
  const std::string good = "# TYPE a counter\n# HELP a Help.\na_total{x=\"1\"} 1\n";
  CHECK(complaint_about(good + "# EOF\n") == "");
  CHECK(complaint_about(good) != "");
  CHECK(complaint_about(good + "# EOF\n\n") != "");
  CHECK(complaint_about(good + "a_total{x=\"1\"} 2\n# EOF\n") != "");
  CHECK(complaint_about(good + "a{x=\"2\"} 2\n# EOF\n") != "");
  CHECK(complaint_about(good + "a_total{x=\"2\",x=\"3\"} 2\n# EOF\n") != "");
  CHECK(complaint_about(good + "a_total{x=\"2} 2\n# EOF\n") != "");
  CHECK(complaint_about(good + "a_total{x=\"\\t\"} 2\n# EOF\n") != "");
  CHECK(complaint_about(good + "a_total{x=\"2\"} -1\n# EOF\n") != "");
  CHECK(complaint_about(good + "b 1\n# EOF\n") != "");
  CHECK(complaint_about(good + "# TYPE b gauge\nb 1\na_total{x=\"2\"} 2\n# EOF\n") != "");
  CHECK(complaint_about("# TYPE a counter\n# UNIT a bytes\na_total 1\n# EOF\n") != "");
  const std::string head = "# TYPE h histogram\n";
  CHECK(complaint_about(head + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 1\n# EOF\n") == "");
  CHECK(complaint_about(head + "h_bucket{le=\"1.0\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 1\n# EOF\n") != "");
  CHECK(complaint_about(head + "h_bucket{le=\"1.0\"} 1\nh_count 1\nh_sum 1\n# EOF\n") != "");
  CHECK(complaint_about(head + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 3\nh_sum 1\n# EOF\n") != "");
}
