#include <muster/core/outcome.hpp>

int main() {}
