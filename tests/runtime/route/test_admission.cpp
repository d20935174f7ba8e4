#include "runtime/route/admission.hpp"

#include "runtime/route/limits.hpp"
#include "tests/runtime/route/mesh_network.hpp"

using namespace glow;
using namespace glow::route;
using namespace glow::route::testing;
using link::bulk_wish;

TEST_CASE("the admission table is what the header's table says") {
  struct row {
    const char* link_class;
    admission control, interactive, bulk, bulk_yes, bulk_no;
  };
  constexpr auto carried = admission::carried, refused = admission::refused, small = admission::small_only;
  for (auto& each :
       {row{"local", carried, carried, carried, carried, refused}, row{"wan", carried, carried, carried, carried, refused},
        row{"control", carried, small, refused, carried, refused}, row{"drop", refused, refused, refused, carried, refused}}) {
    CAPTURE(each.link_class);
    for (auto wish : {bulk_wish::by_class, bulk_wish::yes, bulk_wish::no}) { // a wish is for bulk alone
      CHECK(admits(each.link_class, wish, traffic_class::control) == each.control);
      CHECK(admits(each.link_class, wish, traffic_class::interactive) == each.interactive);
    }
    CHECK(admits(each.link_class, bulk_wish::by_class, traffic_class::bulk) == each.bulk);
    CHECK(admits(each.link_class, bulk_wish::yes, traffic_class::bulk) == each.bulk_yes);
    CHECK(admits(each.link_class, bulk_wish::no, traffic_class::bulk) == each.bulk_no);
  }
}

TEST_CASE("what is not carried has a reason, and what is has none") {
  for (auto link_class : {"local", "wan", "control", "drop"})
    for (auto wish : {bulk_wish::by_class, bulk_wish::yes, bulk_wish::no})
      for (auto traffic : {traffic_class::control, traffic_class::interactive, traffic_class::bulk}) {
        CAPTURE(link_class, int(wish), int(traffic));
        CHECK(reason_of(link_class, wish, traffic).empty() == (admits(link_class, wish, traffic) == admission::carried));
        CHECK((admitted_bytes_max(link_class, wish, traffic, 9000) == 0)
              == (admits(link_class, wish, traffic) == admission::refused));
      }
  CHECK(reason_of("wan", bulk_wish::no, traffic_class::bulk).find("bulk=no") != std::string::npos);
}

TEST_CASE("end points are told that a control link takes small interactive packets only, and longer ones are counted") {
  mesh net{2, 1};
  net.connect(0, 1, 10ms, 0, "control", 9000);
  net.run_for(1s);
  REQUIRE(net.row(0, 1));
  CHECK(net.row(0, 1)->payload_bytes_max == limits::small_interactive_packet_bytes - 2);
  net.send(0, 1, std::string(limits::small_interactive_packet_bytes - 66, 'x'));
  net.send(0, 1, std::string(limits::small_interactive_packet_bytes, 'x'));
  net.send(0, 1, std::string(4000, 'x'), traffic_class::control);
  net.run_for(50ms);
  CHECK(net.at(1).arrived.size() == 2);
  CHECK(net.at(0).machine->drops().not_admitted == 1);
  CHECK(net.at(0).machine->drops().too_long == 0);
}

TEST_CASE("an interactive packet that the best link does not admit goes over another link to the same neighbour") {
  mesh net{2, 1};
  net.connect(0, 1, 2ms, 0, "control", 9000);
  net.connect(0, 1, 80ms, 0, "wan", 9000);
  net.run_for(1s);
  REQUIRE(net.row(0, 1)->link == 1);
  net.send(0, 1, std::string(4000, 'x'));
  net.run_for(20ms);
  CHECK(net.at(1).arrived.empty());
  net.run_for(50ms);
  CHECK(net.at(1).arrived.size() == 1);
}

TEST_CASE("bulk crosses a control link when its owners want it, and no other link when they do not") {
  mesh net{2, 1};
  const auto slow = net.connect(0, 1, 10ms, 0, "control");
  net.wish(slow, bulk_wish::yes);
  net.run_for(1s);
  CHECK(net.row(0, 1, metric_class::bulk));
  net.send(0, 1, "big", traffic_class::bulk);
  net.run_for(50ms);
  CHECK(net.at(1).arrived.size() == 1);
  const auto fast = net.connect(0, 1, 10ms, 0, "wan");
  net.run_for(1s);
  CHECK(net.row(0, 1, metric_class::bulk)->link == fast + 1);
  net.wish(fast, bulk_wish::no);
  net.wish(slow, bulk_wish::no);
  net.run_for(1s);
  CHECK_FALSE(net.row(0, 1, metric_class::bulk));
  CHECK(net.row(0, 1, metric_class::interactive));
}
