// Processes: a child after fork() may only exec, objects of static storage may outlive main, and a plugin that uses the
// library may come and go.
#include <doctest/doctest.h>
#include <embedding/tiny_run.hpp>
#include <support/host.hpp>

#include <cstdint>

#if defined(__linux__)
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace embedding;
using support::in_arena;

namespace {

// Exit code of a child that does f(), or -1.
template <class F>
int child(F f) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        f();
        ::_exit(126);
    }
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("Process: after fork() a child may exec, and the parent continues training") {
    const auto usual = in_arena(4, [] { return tiny_run().hash; });
    CHECK(child([] { ::execl("/bin/sh", "sh", "-c", "exit 3", static_cast<char*>(nullptr)); }) == 3);
    // While threads of the library are working:
    const auto while_working = in_arena(4, [] {
        tbb::task_group host;
        int code = 0;
        host.run([&] { code = child([] { ::execl("/bin/sh", "sh", "-c", "exit 4", static_cast<char*>(nullptr)); }); });
        const auto hash = tiny_run().hash;
        host.wait();
        CHECK(code == 4);
        return hash;
    });
    CHECK(while_working == usual);
}

TEST_CASE("Process: models, trainers and arenas with static storage may be destroyed after main") {
    static tbb::task_arena arena{3};
    static TinyTrainer trainer;
    trainer.step();
    arena.execute([] { trainer.step(); });
    CHECK(trainer.steps() == 2);  // and this program's exit code is zero
}

TEST_CASE("Process: a plugin that uses the library gives the same bits each time it is loaded, and can be unloaded") {
    const auto usual = tiny_run().hash;
    for (int round = 0; round < 3; ++round) {
        void* plugin = ::dlopen(TESSERA_PLUGIN, RTLD_NOW | RTLD_LOCAL);
        REQUIRE_MESSAGE(plugin != nullptr, ::dlerror());
        const auto train = reinterpret_cast<std::uint64_t (*)()>(::dlsym(plugin, "train"));
        const bool found = train != nullptr;
        REQUIRE(found);
        CHECK(train() == usual);
        CHECK(::dlclose(plugin) == 0);
    }
    CHECK(tiny_run().hash == usual);
}

#endif
