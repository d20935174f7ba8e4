// Only a place to compile caf_test_headers.hpp.
