#include <tessera/train/checkpoints.hpp>

#include <doctest/doctest.h>
#include <support/bits.hpp>
#include <support/crash_disk.hpp>
#include <support/message.hpp>
#include <support/system_double.hpp>
#include <support/temporary_folder.hpp>
#include <support/tiny_gpt.hpp>
#include <support/tiny_vae.hpp>
#include <tessera/data/batches.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/optim/adamw.hpp>
#include <tessera/optim/weight_ema.hpp>
#include <tessera/train/trainer.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace tessera;
using support::contains;
using support::CrashDisk;
using support::CrashFiles;
using support::Fault;
using support::FaultFiles;
using support::message;
using support::TemporaryFolder;

namespace {

constexpr GptConfig config{
    .vocab = 7, .context = 5, .width = 8, .heads = 2, .layers = 1, .classes = 3, .dropout_percent = 10};

// Runs of two epochs of 20 steps each; the last batch of an epoch is smaller than the others.
struct VaeRun {
    using Model = support::TinyVae<float>;
    static Model model() {
        Rng rng{1};
        return Model{rng, {.revive = {.below = 0.5, .grace = 3}}};
    }
    static auto data() { return support::bars(20 * 16 - 5, 2); }
};
struct PriorRun {
    using Model = Gpt<config>;
    static Model model() {
        Rng rng{1};
        return Model{rng};
    }
    static auto data() { return support::sequences<config>(20 * 16 - 5, 2); }
};

template <class Run>
struct Training {
    using Model = typename Run::Model;
    Model model = Run::model();
    Trainer<Model, AdamW<typename Model::Params>> trainer;
    WeightEma<typename Model::Params> average{};

    explicit Training(std::size_t accumulate = 1)
        : trainer{model, AdamW{model}, {.clip_norm = 1, .accumulate = accumulate, .seed = 3}} {}

    void run(std::uint64_t to) {
        const auto data = Run::data();
        while (trainer.batches() < to) {
            const std::size_t pass = trainer.batches() / 20, first = trainer.batches() % 20;
            for (auto&& batch : batches(data, 16, {.rng = Rng{4}.split(pass), .first = first})) {
                trainer.optimizer().set_lr(1e-3 / static_cast<double>(1 + trainer.steps()));
                trainer.step(batch);
                average.update(model.params());
                if (trainer.batches() == to) return;
            }
        }
    }
    struct Average {
        WeightEma<typename Model::Params>* of;
        template <class F, class... S>
        static void each_state(F&& f, S&... s) {
            WeightEma<typename Model::Params>::State::each(f, s.of->state()...);
        }
    };
    std::uint64_t hash() const {
        support::HashLeaves leaves;
        leaves.hash = support::hash_state(trainer);
        decltype(average)::State::each(leaves, average.state());
        return leaves.hash;
    }
};

// The smallest state: one number.
struct Number {
    Param<float, Shape<1>> value;
    template <class F, class... S>
    static void each_state(F&& f, S&... s) {
        f("number", s.value...);
    }
};
io::SafetensorsWriter file_of(float value) {
    Number n;
    n.value[0] = value;
    return io::collect(n);
}
float value_in(io::SafetensorsFile& file) {
    Number n;
    io::load(file, n);
    return n.value[0];
}

std::string name_of(int step) {
    const std::string text = std::to_string(step);
    return "step-" + std::string(12 - text.size(), '0') + text + ".safetensors";
}

void damage(const std::string& path) {
    Bytes bytes = read_file(path, 1 << 20);
    bytes[bytes.size() - 3] = static_cast<unsigned char>(bytes[bytes.size() - 3] ^ 1);
    write_file(path, bytes);
}

}  // namespace

TEST_CASE_TEMPLATE("Checkpoints: a run resumed after any step ends in the same bits", Run, VaeRun, PriorRun) {
    Training<Run> whole;
    whole.run(40);
    for (std::uint64_t stop = 0; stop < 40; ++stop) {
        const TemporaryFolder folder;
        {
            Training<Run> first;
            first.run(stop);
            typename Training<Run>::Average average{&first.average};
            Checkpoints{folder.str()}.save(stop, io::collect(first.trainer, average));
        }
        Training<Run> second;
        typename Training<Run>::Average average{&second.average};
        auto last = Checkpoints{folder.str()}.newest();
        REQUIRE(last);
        io::load(last->file, second.trainer, average);
        CHECK((last->step == stop && second.trainer.batches() == stop));
        second.run(40);
        CHECK(second.hash() == whole.hash());
    }
}

TEST_CASE_TEMPLATE("Checkpoints: gradients and statistics of an unfinished accumulation are part of the state", Run,
                   VaeRun, PriorRun) {
    Training<Run> whole{3}, first{3}, second{3};
    whole.run(20);
    first.run(10);
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, io::collect(first.trainer));
    io::load(checkpoints.newest()->file, second.trainer);
    second.average = first.average;
    second.run(20);
    CHECK(second.hash() == whole.hash());
}

TEST_CASE("Checkpoints: a trainer with other options is refused, and the error lists all differences") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    Training<PriorRun> run;
    checkpoints.save(1, io::collect(run.trainer));
    Trainer other{run.model, AdamW{run.model, {.beta2 = 0.5}}, {.seed = 9}};
    const std::string text = message<FormatError>([&] { io::load(checkpoints.newest()->file, other); });
    CHECK(contains(text, "beta2: expected 0.5, file has 0.999"));
    CHECK(contains(text, "seed: expected 9, file has 3"));
    CHECK(contains(text, "clip_norm: expected 0, file has 1"));
}

TEST_CASE("Checkpoints: a net with another number of heads, which shapes do not show, is refused") {
    using Four = Gpt<GptConfig{.vocab = 9, .context = 5, .width = 16, .heads = 4, .layers = 1}>;
    using Two = Gpt<GptConfig{.vocab = 9, .context = 5, .width = 16, .heads = 2, .layers = 1}>;
    Rng rng{1};
    Four four{rng};
    Two two{rng};
    Trainer saved{four, AdamW{four}};
    Trainer loaded{two, AdamW{two}};
    io::SafetensorsFile file{io::collect(saved).bytes(), "memory"};
    CHECK(contains(message<FormatError>([&] { io::load(file, loaded); }), "heads: expected 2, file has 4"));
}

TEST_CASE("Checkpoints: as many of the newest as `keep` says are kept") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder / "new", {.keep = 3}};
    CHECK(!checkpoints.newest());
    for (int step = 1; step <= 7; ++step)
        checkpoints.save(static_cast<std::uint64_t>(step), file_of(static_cast<float>(step)));
    CHECK(checkpoints.steps() == std::vector<std::uint64_t>{5, 6, 7});
    CHECK(value_in(checkpoints.newest()->file) == 7);
    checkpoints.save(7, file_of(8));
    CHECK(checkpoints.steps().size() == 3);
    CHECK(value_in(checkpoints.newest()->file) == 8);
}

TEST_CASE("Checkpoints: a damaged file is skipped, reported and renamed") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, file_of(1));
    checkpoints.save(20, file_of(2));
    SUBCASE("a bit of its data") { damage(folder / name_of(20)); }
    SUBCASE("its end") { std::filesystem::resize_file(folder / name_of(20), 300); }
    SUBCASE("all of it") { std::filesystem::resize_file(folder / name_of(20), 0); }
    SUBCASE("its name") { std::filesystem::rename(folder / name_of(20), folder / name_of(30)); }
    auto last = checkpoints.newest();
    REQUIRE(last);
    CHECK((last->step == 10 && value_in(last->file) == 1));
    CHECK((last->skipped.size() == 1 && contains(last->skipped[0], folder.str() + "/step-")));
    CHECK(checkpoints.steps() == std::vector<std::uint64_t>{10});
    checkpoints.save(15, file_of(3));
    CHECK(checkpoints.newest()->step == 15);
}

TEST_CASE("Checkpoints: when no file is complete, the error names each file and its reason") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, file_of(1));
    checkpoints.save(20, file_of(2));
    damage(folder / name_of(10));
    std::filesystem::resize_file(folder / name_of(20), 0);
    const std::string text = message<FormatError>([&] { return checkpoints.newest(); });
    CHECK(contains(text, "Checkpoints: " + folder.str() + ": no checkpoint is complete:\n  "));
    CHECK(contains(text, name_of(20) + " @0: "));
    CHECK((contains(text, name_of(10) + " @") && contains(text, "checksum: ") && contains(text, " in number: ")));
    CHECK(checkpoints.steps().size() == 2);
}

TEST_CASE("Checkpoints: a file that the disk cannot read is skipped, renamed and reported") {
    struct BadSector : SystemFiles {
        std::string bad;
        Handle broken = -1;
        explicit BadSector(std::string path) : bad{std::move(path)} {}
        Handle open(const char* path) {
            const Handle h = SystemFiles::open(path);
            if (bad == path) broken = h;
            return h;
        }
        std::int64_t read(Handle h, unsigned char* to, std::size_t count, std::uint64_t offset) {
            if (h != broken) return SystemFiles::read(h, to, count, offset);
            errno = EIO;
            return -1;
        }
    };
    const TemporaryFolder folder;
    BasicCheckpoints<BadSector> checkpoints{folder.str(), {}, BadSector{folder / name_of(2)}};
    for (const std::uint64_t step : {1u, 2u}) checkpoints.save(step, file_of(static_cast<float>(step)));
    auto last = checkpoints.newest();
    CHECK(last->step == 1);
    CHECK(value_in(last->file) == 1);
    REQUIRE(last->skipped.size() == 1);
    CHECK(contains(last->skipped[0], name_of(2)));
    CHECK(std::filesystem::exists(folder / (name_of(2) + ".damaged")));
    CHECK(checkpoints.steps() == std::vector<std::uint64_t>{1});  // a run that is resumed from 1 can save 2 again
}

TEST_CASE("Checkpoints: a complete file above the limit is an error, and is not renamed") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str(), {.file_limit = 100}};
    checkpoints.save(1, file_of(1));
    try {
        static_cast<void>(checkpoints.newest());
        FAIL("expected a FormatError");
    } catch (const FormatError& e) {
        CHECK(e.code() == FormatCode::limit);
    }
    CHECK(std::filesystem::exists(folder / name_of(1)));
}

TEST_CASE("Checkpoints: slashes at the end of a folder's name do not make it its own parent") {
    const TemporaryFolder folder;
    CHECK(Checkpoints{folder.str() + "//"}.folder() == folder.str());
}

TEST_CASE("Checkpoints: a file of a later version is an error, not a reason to load an older one") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, file_of(1));
    io::SafetensorsWriter later = file_of(2);
    later.metadata("tessera.checkpoint.version", "2");
    later.metadata("tessera.checkpoint.step", "20");
    later.write(folder / name_of(20));
    CHECK(message<FormatError>([&] { return checkpoints.newest(); }) ==
          folder / name_of(20) + ": version of the checkpoint: expected 1, got 2");
}

TEST_CASE("Checkpoints: files of weights that are not checkpoints are skipped") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    file_of(1).write(folder / name_of(5));
    CHECK(contains(message<FormatError>([&] { return checkpoints.newest(); }),
                   "no checkpoint: tessera.checkpoint.version"));
}

TEST_CASE("Checkpoints: a folder with the checkpoints of another run is not written to") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, file_of(1));
    CHECK(message<ArgumentError>([&] { checkpoints.save(9, file_of(2)); }) ==
          "Checkpoints: " + folder.str() + ": step: expected at least 10, which is there from another run, got 9");
    CHECK(message<ArgumentError>([&] { checkpoints.save(1'000'000'000'000, file_of(2)); }) ==
          "Checkpoints: step: expected at most 999999999999, got 1000000000000");
    CHECK(folder.entries() == 1);
    CHECK(message<ArgumentError>([&] {
              Checkpoints{folder / "b", {.keep = 1}};
          }) == "Checkpoints: keep: expected at least 2, got 1");
}

TEST_CASE("Checkpoints: a folder has one owner") {
    const TemporaryFolder folder;
    std::optional<Checkpoints> first{std::in_place, folder.str()};
    CHECK(contains(message<IoError>([&] { Checkpoints{folder.str()}; }),
                   "Checkpoints: " + folder.str() + ": is in use: another trainer writes its checkpoints here"));
    first.reset();
    CHECK_NOTHROW(Checkpoints{folder.str()});
}

TEST_CASE("Checkpoints: a relative folder means the same after the program changes its current folder") {
    const TemporaryFolder folder;
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::create_directory(folder / "elsewhere");
    std::filesystem::current_path(folder.str());
    std::optional<Checkpoints> checkpoints{std::in_place, "run"};
    std::string text = message<Error>([&] {
        checkpoints->save(1, file_of(1));
        std::filesystem::current_path(folder / "elsewhere");
        for (const int step : {2, 3}) checkpoints->save(static_cast<std::uint64_t>(step), file_of(2));
        if (value_in(checkpoints->newest()->file) != 2) throw Error("another file");
    });
    std::filesystem::current_path(before);
    CHECK(text == "");
    CHECK(checkpoints->folder() == std::filesystem::canonical(folder / "run").string());
    CHECK(checkpoints->steps() == std::vector<std::uint64_t>{2, 3});
    CHECK(std::filesystem::is_empty(folder / "elsewhere"));
    text = message<ArgumentError>([] { Checkpoints{""}; });
    CHECK(text == "Checkpoints: path: expected the name of a folder, got an empty one");
    text = message<ArgumentError>([&] { Checkpoints{(folder / "cut") + '\0' + "off"}; });
    CHECK(contains(text, "Checkpoints: " + (folder / "cut") + ": path: expected no NUL, got one at byte "));
    CHECK(folder.entries() == 2);
}

TEST_CASE("Checkpoints: a child of fork(), which inherits the lock, is refused, and the parent continues") {
    const TemporaryFolder folder;
    std::optional<Checkpoints> checkpoints{std::in_place, folder.str()};
    checkpoints->save(1, file_of(1));
    const io::SafetensorsWriter file = file_of(2);
    const std::string parent = std::to_string(SystemFiles{}.process());
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const std::string expected = "Checkpoints: " + folder.str() + ": process: expected " + parent +
                                     ", which locked the folder, got " + std::to_string(SystemFiles{}.process()) +
                                     ": only the process that opened the folder may use it, not its children";
        const bool refused = message<StateError>([&] { checkpoints->save(2, file); }) == expected &&
                             message<StateError>([&] { static_cast<void>(checkpoints->newest()); }) == expected;
        checkpoints.reset();  // must not unlock the folder of the parent
        ::_exit(refused ? 17 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 17));
    CHECK(checkpoints->steps() == std::vector<std::uint64_t>{1});
    CHECK(contains(message<IoError>([&] { Checkpoints{folder.str()}; }), ": is in use"));
    checkpoints->save(2, file);
    CHECK(value_in(checkpoints->newest()->file) == 2);
}

TEST_CASE("Checkpoints: without a lock a child of fork() may save, as the host makes sure that there is one writer") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str(), {.lock = false}};
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(message<Error>([&] { checkpoints.save(2, file_of(2)); }).empty() ? 17 : 1);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 17));
    CHECK(value_in(checkpoints.newest()->file) == 2);
}

TEST_CASE("Checkpoints: temporary files of killed processes are removed, and nothing else") {
    const TemporaryFolder folder;
    const Bytes some(3);
    folder.write(".tessera-999999999-0.tmp", some);  // no such process
    folder.write(".tessera-" + std::to_string(SystemFiles{}.process()) + "-4.tmp",
                 some);                      // a process number that is used again
    folder.write(".tessera-1-0.tmp", some);  // runs
    folder.write("other.tmp", some);
    const TemporaryFolder elsewhere;  // the file that is written to test the folder must not go through a link
    std::filesystem::create_symlink(elsewhere.write("weights", Bytes(700, 1)), folder / ".tessera-probe");
    Checkpoints checkpoints{folder.str()};
    CHECK(folder.entries() == 2);
    CHECK(read_file(elsewhere / "weights", 1000) == Bytes(700, 1));
}

TEST_CASE("Checkpoints: folders that cannot be written to are refused at the start") {
    const TemporaryFolder folder;
    const auto open = [](const std::string& path) { return message<IoError>([&] { Checkpoints{path}; }); };
    CHECK(contains(open(folder / "a/b"), "a/b: make the folder: No such file or directory"));
    folder.write("file", Bytes(1));
    CHECK(contains(open(folder / "file"), "file: open the folder: Not a directory"));
    CHECK(contains(open(folder / std::string(300, 'x')), "File name too long"));
    std::filesystem::create_symlink(folder / "gone", folder / "dangling");
    CHECK(contains(open(folder / "dangling"), "dangling: open the folder: No such file or directory"));
}

TEST_CASE("Checkpoints: whatever fails in a save, the previous checkpoint is kept, and the next save succeeds") {
    for (const int reason : {ENOSPC, EIO, EFBIG, EROFS, EACCES, EXDEV}) {
        for (int fail_at = 0;; ++fail_at) {
            const TemporaryFolder folder;
            Fault plan{.reason = reason, .most = 100};
            BasicCheckpoints<FaultFiles> checkpoints{folder.str(), {}, FaultFiles{plan}};
            checkpoints.save(10, file_of(1));
            const Bytes before = read_file(folder / name_of(10), 1 << 20);
            plan.calls = 0;
            plan.fail_at = fail_at;
            const std::string text = message<IoError>([&] { checkpoints.save(20, file_of(2)); });
            CHECK(read_file(folder / name_of(10), 1 << 20) == before);
            const bool listed = std::string_view{plan.failed} == "list",
                       done = std::string_view{plan.failed} == "sync_folder";
            if (*plan.failed == 0) {
                CHECK(text.empty());
                break;
            }
            CAPTURE(text);
            CHECK(contains(text, std::generic_category().message(reason)));
            CHECK(contains(text, "; the checkpoint of step 10 is kept") == !listed);
            CHECK(folder.entries() == (done ? 2 : 1));
            plan.fail_at = -1;
            checkpoints.save(30, file_of(3));
            CHECK(value_in(checkpoints.newest()->file) == 3);
        }
    }
}

TEST_CASE("Checkpoints: whatever fails in the constructor is an error, and the folder is unlocked") {
    int failures = 0;
    for (int fail_at = 0;; ++fail_at) {
        const TemporaryFolder folder;
        Fault plan{.fail_at = fail_at, .reason = EIO};
        const std::string text = message<IoError>([&] {
            BasicCheckpoints<FaultFiles>{folder.str(), {}, FaultFiles{plan}};
        });
        if (std::string_view{plan.failed} == "close" && text.empty()) continue;  // closing the lock
        if (*plan.failed == 0) break;
        CHECK(contains(text, "Input/output error"));
        CHECK_NOTHROW(Checkpoints{folder.str()});
        ++failures;
    }
    CHECK(failures >= 10);
}

TEST_CASE("Checkpoints: short and interrupted writes and reads give the same bytes") {
    const TemporaryFolder folder;
    Fault plan{.most = 1, .interrupted = true};
    BasicCheckpoints<FaultFiles> checkpoints{folder.str(), {}, FaultFiles{plan}};
    checkpoints.save(10, file_of(1));
    Checkpoints plain{folder / "plain"};
    plain.save(10, file_of(1));
    CHECK(read_file(folder / name_of(10), 1 << 20) == read_file(folder / "plain/" + name_of(10), 1 << 20));
    CHECK(value_in(checkpoints.newest()->file) == 1);
}

TEST_CASE("Checkpoints: a power loss at any moment keeps what was saved") {
    CrashDisk disk;
    for (int process = 0; process < 6; ++process) {
        BasicCheckpoints<CrashFiles> checkpoints{"run", {}, CrashFiles{&disk}};
        for (int i = 1; i <= 8; ++i) {
            const int step = 10 * process + i;
            checkpoints.save(static_cast<std::uint64_t>(step), file_of(static_cast<float>(step)));
            disk.promise(static_cast<std::uint64_t>(step));
        }
    }
    std::size_t states = 0, lost = 0, wrong = 0;
    disk.for_each_crash([&](CrashDisk& after, std::uint64_t promised) {
        ++states;
        BasicCheckpoints<CrashFiles> checkpoints{"run", {}, CrashFiles{&after}};
        auto last = checkpoints.newest();
        lost += promised != 0 && (!last || last->step < promised);
        wrong += last && value_in(last->file) != static_cast<float>(last->step);
    });
    CHECK(states >= 2000);
    CHECK(lost == 0);
    CHECK(wrong == 0);
    MESSAGE(states << " states after a loss of power");
}

TEST_CASE("Checkpoints: every bit that is flipped, every shorter length and every addition is detected") {
    CrashDisk disk;
    BasicCheckpoints<CrashFiles> checkpoints{"run", {}, CrashFiles{&disk}};
    checkpoints.save(10, file_of(1));
    Bytes& bytes = disk.at("run/" + name_of(10));
    const Bytes whole = bytes;
    std::size_t accepted = 0, tried = 0;
    const auto load = [&] {
        ++tried;
        try {
            static_cast<void>(checkpoints.newest());
            ++accepted;
        } catch (const FormatError&) {
        }
    };
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1 << bit % 8);
        load();
        bytes[bit / 8] = whole[bit / 8];
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        bytes.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        load();
    }
    for (std::size_t more = 1; more <= 16; ++more)
        for (const unsigned char byte : Bytes{0, 32, 255}) {
            bytes = whole;
            bytes.insert(bytes.end(), more, byte);
            load();
        }
    bytes = whole;
    CHECK(accepted == 0);
    CHECK(value_in(checkpoints.newest()->file) == 1);
    MESSAGE(tried << " damaged files of " << whole.size() << " bytes");
}

TEST_CASE("Checkpoints: a file that is being loaded keeps its content when it is pruned") {
    const TemporaryFolder folder;
    Checkpoints checkpoints{folder.str()};
    checkpoints.save(10, file_of(1));
    auto last = checkpoints.newest();
    for (const int step : {20, 30, 40}) checkpoints.save(static_cast<std::uint64_t>(step), file_of(2));
    CHECK(value_in(last->file) == 1);
}

TEST_CASE("Checkpoints: a file system without locks has its own message, and the host can turn the lock off") {
    for (const int reason : {ENOSYS, ENOLCK, EOPNOTSUPP}) {
        CAPTURE(reason);
        const TemporaryFolder folder;
        Fault plan{.fail_at = 2, .reason = reason};  // make_folder, sync_folder, lock_folder
        const std::string text = message<IoError>([&] {
            BasicCheckpoints<FaultFiles>{folder.str(), {}, FaultFiles{plan}};
        });
        CHECK(std::string{plan.failed} == "lock_folder");
        CHECK(text == "Checkpoints: " + folder.str() +
                          ": lock the folder (CheckpointsOptions{.lock = false} goes without): " +
                          std::generic_category().message(reason));

        Fault never{};
        struct Files : FaultFiles {
            using FaultFiles::FaultFiles;
            Handle lock_folder(const char*) {
                errno = ENOSYS;
                return -1;
            }
        };
        BasicCheckpoints<Files> one{folder.str(), {.lock = false}, Files{never}};
        BasicCheckpoints<Files> two{folder.str(), {.lock = false}, Files{never}};  // no other owner is refused
        one.save(1, file_of(5));
        CHECK(value_in(two.newest()->file) == 5);
    }
    const TemporaryFolder folder;
    Fault plan{.fail_at = 2, .reason = EACCES};
    CHECK(message<IoError>([&] {
              BasicCheckpoints<FaultFiles>{folder.str(), {}, FaultFiles{plan}};
          }) == "Checkpoints: " + folder.str() + ": open the folder: Permission denied");
}

TEST_CASE("Checkpoints: a folder without a lock closes no descriptor of the host") {
    const TemporaryFolder folder;
    const auto open_descriptors = [] {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
        return count;
    };
    if (!std::filesystem::exists("/proc/self/fd")) return;
    const std::size_t before = open_descriptors();
    { Checkpoints checkpoints{folder.str(), {.lock = false}}; }
    CHECK(open_descriptors() == before);
}
