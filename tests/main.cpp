// doctest's main, compiled once. It prints for which machine the tests were compiled, the first thing to compare in two
// logs that differ, and a run without any test case is a failure: a misspelt filter would otherwise succeed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include <tessera/core/abi.hpp>

#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)

namespace {

unsigned matching_cases = 0;

struct Counter : doctest::IReporter {
    explicit Counter(const doctest::ContextOptions&) {}
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats& stats) override {
        matching_cases = stats.numTestCasesPassingFilters;
    }
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};
DOCTEST_REGISTER_LISTENER("counter", 1, Counter);

}  // namespace

int main(int argc, char** argv) {
    std::printf("[tessera] %s, compiler %s\n", TEXT_OF(TESSERA_ABI), __VERSION__);
    std::fflush(stdout);
    doctest::Context context(argc, argv);
    const int result = context.run();
    if (context.shouldExit()) return result;  // --help, --list-test-cases
    if (matching_cases == 0) {
        std::printf("[tessera] no test case matches: that is no success\n");
        return 1;
    }
    return result;
}
