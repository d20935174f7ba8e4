// Only a place to compile std_headers.hpp.
