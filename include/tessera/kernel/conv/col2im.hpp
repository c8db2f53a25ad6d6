#pragma once
// col2im: the adjoint of im2col, patches added back onto maps.
//
//     y(i) = relu(bias + sum of columns[o][t] over all (o, t) with in(o, t) = i)      in the order of o
//
// Each output is summed in a register and stored once. Where the stride divides the window, the `stride` outputs that
// the same taps reach are neighbours, in `columns` too, and are added two at a time. Patch by patch, in memory, each
// sum waits for the store of the one before: 3.6 times as long as this for 4 x 4 taps, stride 2 and one channel, and
// twice as long as the products of 32 channels.
//
// Shapes   columns [batch, out_height x out_width][taps][channels]; y [batch, height x width, channels]; bias
//          [channels]; taps <= max_taps, channels <= max_channels
// Cost     one addition for each number of columns that is inside the map

#include <tessera/kernel/conv/patch_plan.hpp>
#include <tessera/kernel/conv/tap_pointers.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace tessera::inline TESSERA_ABI::kernel {

namespace detail {
// Outputs of one axis in runs j of `length` neighbours, the first of each at first + j * stride, for which the same
// taps are added: tap + i * stride, i < taps, of pixel j + pixel - i, and for the others of a run the taps after it.
struct OutputRuns {
    std::ptrdiff_t first;
    std::size_t length, count, tap, pixel, taps, pixels;
    std::size_t begin, end;  ///< the runs that are inside the map and that all taps reach

    /// Runs of one output, class `index` < stride of them, or of `stride` where that divides the window.
    OutputRuns(const PatchSize& s, std::size_t extent, std::size_t all_pixels, std::size_t run, std::size_t index)
        : length{run}, pixels{all_pixels} {
        const auto whole = [](std::size_t a) { return static_cast<std::ptrdiff_t>(a); };
        // ceil(a / b), 0 where a is negative
        const auto up = [](std::ptrdiff_t a, std::size_t b) {
            return a <= 0 ? std::size_t{0} : (static_cast<std::size_t>(a) + b - 1) / b;
        };
        const std::size_t padded = run == 1 ? index + s.pad : 0;
        first = whole(padded) - whole(s.pad);
        tap = padded % s.stride;
        pixel = padded / s.stride;
        taps = tap < s.size ? (s.size - 1 - tap) / s.stride + 1 : 0;
        count = up(whole(extent) - first, s.stride);
        begin = (std::min)(count, (std::max)(up(-first, s.stride), up(whole(taps) - whole(pixel + 1), 1)));
        const std::size_t inside = up(whole(extent) - whole(run) + 1 - first, s.stride);
        end = (std::clamp)((std::min)(inside, up(whole(pixels) - whole(pixel), 1)), begin, count);
    }
    /// The i whose pixel j + pixel - i is inside the map: [first, second).
    std::pair<std::size_t, std::size_t> taps_of(std::size_t j) const {
        const std::size_t most = (std::min)(taps, j + pixel + 1);
        return {(std::min)(most, j + pixel >= pixels ? j + pixel - pixels + 1 : 0), most};
    }
};
// N neighbouring elements, anywhere in an array.
template <class T, std::size_t N>
struct Neighbours {
    typedef T type __attribute__((__vector_size__(N * sizeof(T)), __aligned__(alignof(T)), __may_alias__));
};
template <class T>
struct Neighbours<T, 1> {
    using type = T;
};
// The sums of one line of outputs, in runs of `size` elements: columns[at[n] + j * distance] is added to run j, n <
// count. The last `across` of these are of one line of pixels, as are those before.
template <class T>
struct Col2imLine {
    const T* columns;
    const T* start;  // [size]
    std::array<std::ptrdiff_t, max_taps> at;
    std::size_t count, across, distance, step, size;
    std::ptrdiff_t first;  // number of the line of outputs at which run 0 begins
    bool relu;

    /// Runs [begin, end): N = count, and Size = size, so that all sums of a run are in registers.
    template <std::size_t Size, bool Relu, std::size_t... N>
    void add(std::size_t begin, std::size_t end, T* y, std::index_sequence<N...>) const {
        if (begin >= end) return;
        constexpr std::size_t width = Size % 2 == 0 ? 2 : 1;
        using Part = typename Neighbours<T, width>::type;
        const auto part = [](auto* p) { return reinterpret_cast<const Part*>(p); };
        const T* const from[] = {columns + (at[N] + static_cast<std::ptrdiff_t>(begin * distance))...};
        Part initial[Size / width];
        for (std::size_t e = 0; e < Size; e += width) initial[e / width] = *part(start + e);
        y += first + static_cast<std::ptrdiff_t>(begin * step);
        const std::size_t all = (end - begin) * distance, next = distance, next_y = step;
        for (std::size_t k = 0; k < all; k += next, y += next_y)
            for (std::size_t e = 0; e < Size; e += width) {
                Part sum = initial[e / width];
                ((sum = sum + *part(from[N] + k + e)), ...);
                if constexpr (Relu) sum = sum < Part{} ? Part{} : sum;
                *reinterpret_cast<Part*>(y + e) = sum;
            }
    }
    template <std::size_t Size, std::size_t Count>
    void add(std::size_t begin, std::size_t end, T* y) const {
        constexpr auto all = std::make_index_sequence<Count>{};
        return relu ? add<Size, true>(begin, end, y, all) : add<Size, false>(begin, end, y, all);
    }
    template <std::size_t Size>
    void add(std::size_t begin, std::size_t end, T* y) const {
        switch (count) {
        case 1:
            return add<Size, 1>(begin, end, y);
        case 2:
            return add<Size, 2>(begin, end, y);
        case 4:
            return add<Size, 4>(begin, end, y);
        default:
            return add_any(begin, end, y);
        }
    }
    /// Runs [begin, end), to which all `count` are added. In registers: windows of once or twice the stride, which is 1
    /// or 2, and one channel or three.
    void add(std::size_t begin, std::size_t end, T* y) const {
        switch (size) {
        case 1:
            return add<1>(begin, end, y);
        case 2:
            return add<2>(begin, end, y);
        case 3:
            return add<3>(begin, end, y);
        case 6:
            return add<6>(begin, end, y);
        default:
            return add_any(begin, end, y);
        }
    }
    void add_any(std::size_t begin, std::size_t end, T* y) const {
        for (std::size_t j = begin; j < end; ++j)
            for (std::size_t e = 0; e < size; ++e) add_some(j, e, 0, across, y);
    }
    /// Number e of run j, of each line of pixels the contributions [from, to).
    void add_some(std::size_t j, std::size_t e, std::size_t from, std::size_t to, T* y) const {
        T sum = start[e];
        for (std::size_t n = 0; n < count; n += across)
            for (std::size_t t = n + from; t < n + to; ++t)
                sum += columns[at[t] + static_cast<std::ptrdiff_t>(j * distance + e)];
        y[first + static_cast<std::ptrdiff_t>(j * step + e)] = relu && sum < T(0) ? T(0) : sum;
    }
};
// The outputs of one class of lines and one of runs. `line` has what is the same for all.
template <class T>
void col2im_class(const PatchSize& s, std::size_t batch, const T* columns, std::size_t channels, const OutputRuns& down,
                  const OutputRuns& across, Col2imLine<T>& line, T* y) {
    const auto whole = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
    const std::size_t next_line = s.out_width * line.distance;
    std::pair<std::size_t, std::size_t> reached{0, 0};  // the i of `down` that line.at is of
    line.across = across.taps;
    line.first = across.first * whole(channels);
    line.count = 0;
    for (std::size_t b = 0; b < batch; ++b, columns += s.out_height * next_line, y += s.height * s.width * channels)
        for (std::size_t k = 0; k < down.count; ++k) {
            line.columns = columns + k * next_line;
            if (const auto now = down.taps_of(k); now != reached) {
                reached = now;
                line.count = 0;
                for (std::size_t i = reached.second; i-- > reached.first;)  // the pixels ascend
                    for (std::size_t h = across.taps; h-- > 0;) {
                        const std::size_t tap = (down.tap + i * s.stride) * s.size + across.tap + h * s.stride;
                        const std::ptrdiff_t pixel =
                            (whole(down.pixel) - whole(i)) * whole(s.out_width) + whole(across.pixel) - whole(h);
                        line.at[line.count++] = pixel * whole(line.distance) + whole(tap * channels);
                    }
            }
            T* const to = y + static_cast<std::size_t>(down.first + whole(k * s.stride)) * s.width * channels;
            // the elements of run j that are inside the map
            const auto edge = [&](std::size_t j) {
                const auto taps = across.taps_of(j);
                for (std::size_t e = 0; e < line.size; ++e)
                    if (static_cast<std::size_t>(across.first + whole(j * s.stride + e / channels)) < s.width)
                        line.add_some(j, e, across.taps - taps.second, across.taps - taps.first, to);
            };
            for (std::size_t j = 0; j < across.begin; ++j) edge(j);
            line.add(across.begin, across.end, to);
            for (std::size_t j = across.end; j < across.count; ++j) edge(j);
        }
}
}  // namespace detail

template <class T>
void col2im(const PatchSize& s, std::size_t batch, const T* columns, std::size_t channels, const T* bias, bool relu,
            T* y) {
    const std::size_t run = s.size % s.stride == 0 && s.stride * channels <= max_channels ? s.stride : 1;
    T start[max_channels];
    for (std::size_t e = 0; e < run * channels; ++e) start[e] = bias ? bias[e % channels] : T(0);
    detail::Col2imLine<T> line;
    line.start = start;
    line.distance = s.size * s.size * channels;
    line.step = s.stride * channels;
    line.size = run * channels;
    line.relu = relu;
    for (std::size_t py = 0; py < (std::min)(s.stride, s.height); ++py)
        for (std::size_t px = 0; px < (run > 1 ? 1 : (std::min)(s.stride, s.width)); ++px)
            detail::col2im_class(s, batch, columns, channels, detail::OutputRuns(s, s.height, s.out_height, 1, py),
                                 detail::OutputRuns(s, s.width, s.out_width, run, px), line, y);
}

}  // namespace tessera::kernel
