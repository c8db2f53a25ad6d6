#include <tessera/core/with_name.hpp>

#include <doctest/doctest.h>

namespace hook_test {

namespace {

struct NamedStart {
    int start;
};
template <class Type>
constexpr bool has_start = !requires {
    &tessera::WithName<Type, NamedStart>::start;
};

struct Nothing {};
struct Other {
    static void begin();
};
struct Function {
    static void start();
};
struct MemberFunction {
    void start(int) const;
};
struct Overloads {
    static void start(int);
    static void start(double);
};
struct Template {
    template <class T>
    static void start(T);
};
struct DataMember {
    int start;
};
struct Type {
    struct start {};
};
struct Inherited : Function {};

}  // namespace

TEST_CASE("WithName: finds a member by its name, whatever its kind") {
    CHECK(!has_start<Nothing>);
    CHECK(!has_start<Other>);
    CHECK(has_start<Function>);
    CHECK(has_start<MemberFunction>);
    CHECK(has_start<Overloads>);
    CHECK(has_start<Template>);
    CHECK(has_start<DataMember>);
    CHECK(has_start<Type>);
    CHECK(has_start<Inherited>);
}

}  // namespace hook_test
