/// What nearly every test of actors needs, precompiled.
#pragma once

#include "runtime/host/caf_headers.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
