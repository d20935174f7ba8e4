/// What nearly every test needs, precompiled.
#pragma once

#include "runtime/base/std_headers.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
