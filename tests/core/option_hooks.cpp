#include <tessera/core/option_hooks.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace tessera;

namespace option_hooks_test {

namespace {

struct Silent {
    struct Options {
        int number = 3;
    };
};
struct Speaking : Silent {
    static constexpr std::string_view name = "Speaking";
    static void check_options(const Options& options) {
        if (options.number < 0) throw options.number;
    }
    static std::vector<Setting> settings(const Options& options) {
        return {{"number", std::to_string(options.number)}};
    }
    static NamedValues metadata() { return {{"levels", "8,5"}}; }
};
static_assert(!HasName<Silent> && !ChecksOptions<Silent> && !HasSettings<Silent> && !HasMetadata<Silent>);
static_assert(HasName<Speaking> && ChecksOptions<Speaking> && HasSettings<Speaking> && HasMetadata<Speaking>);
static_assert(sizeof(OptionHooksAreCallable<Silent>) > 0 && sizeof(OptionHooksAreCallable<Speaking>) > 0);

// The name is detected although the member is not callable as required.
struct OtherSignatures : Silent {
    std::string_view name;
    static void check_options(int);
    static int settings(const Options&);
    static NamedValues metadata(int);
};
static_assert(detail::names_name<OtherSignatures> && !HasName<OtherSignatures>);
static_assert(detail::names_check_options<OtherSignatures> && !ChecksOptions<OtherSignatures>);
static_assert(detail::names_settings<OtherSignatures> && !HasSettings<OtherSignatures>);
static_assert(detail::names_metadata<OtherSignatures> && !HasMetadata<OtherSignatures>);

}  // namespace

TEST_CASE("Option hooks: a part without hooks accepts all options and has no settings or metadata") {
    CHECK_NOTHROW(check_options<Silent>({.number = -1}));
    CHECK(settings_of<Silent>({}).empty());
    CHECK(metadata_of<Silent>().empty());
}

TEST_CASE("Option hooks: a part with hooks is called for each of them") {
    CHECK_NOTHROW(check_options<Speaking>({}));
    CHECK_THROWS_AS(check_options<Speaking>({.number = -1}), int);
    CHECK(settings_of<Speaking>({.number = 7}) == std::vector<Setting>{{"number", "7"}});
    CHECK(metadata_of<Speaking>() == NamedValues{{"levels", "8,5"}});
}

}  // namespace option_hooks_test
