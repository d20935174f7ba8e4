// Only a place to compile test_headers.hpp.
