#pragma once
// A JPEG as a decoder wants it: only what is needed, in the usual order, with unusual but harmless values replaced.
//
//     FF D8 | [Adobe] | frame | for each scan: tables, restart interval, scan header, coded data | FF D9
//
// The component k has the number k + 1 ('R', 'G', 'B' where the colours are RGB, as decoders recognise it) and the
// quantization table k; in a scan, the component in position i has the Huffman tables i. So stb_image sees no segment
// that was not checked, and none that it would refuse although the picture does not need it.

#include <tessera/image/detail/jpeg_file.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <utility>

namespace tessera::inline TESSERA_ABI::image::detail {

class NormalJpeg {
public:
    NormalJpeg(ByteView file, const JpegFile& jpeg) : file_{file}, jpeg_{jpeg} {}

    Bytes write() {
        out_.reserve(file_.size() + 1024);
        put({0xFF, 0xD8});
        const JpegColors colors = jpeg_.colors;
        if (colors == JpegColors::cmyk || colors == JpegColors::ycck)  // only the last byte counts
            put({0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0,
                 byte(colors == JpegColors::ycck ? 2 : 0)});
        const std::size_t count = jpeg_.components.size();
        put({0xFF, byte(jpeg_.frame)});
        put_two(8 + 3 * count);
        put({8});
        put_two(jpeg_.height);
        put_two(jpeg_.width);
        put({byte(count)});
        for (std::size_t k = 0; k < count; ++k) {
            const JpegComponent& c = jpeg_.components[k];
            put({id(k), byte(c.across << 4 | c.down), byte(k)});
        }
        for (const JpegScan& scan : jpeg_.scans) put_scan(scan);
        put({0xFF, 0xD9});
        return std::move(out_);
    }

private:
    static unsigned char byte(std::size_t value) { return static_cast<unsigned char>(value); }
    unsigned char id(std::size_t k) const {
        return jpeg_.colors == JpegColors::rgb ? static_cast<unsigned char>("RGB"[k]) : byte(k + 1);
    }

    void put(std::initializer_list<unsigned char> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void put(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void put_two(std::size_t value) { put({byte(value >> 8), byte(value)}); }

    /// A Huffman table, unless it is the one that the decoder has already.
    void put_table(ByteView table, unsigned kind, std::size_t i) {
        ByteView& there = huffman_[kind][i];
        if (table.empty() || (there.data() == table.data() && there.size() == table.size())) return;
        there = table;
        put({0xFF, 0xC4});
        put_two(3 + table.size());
        put({byte(kind << 4 | i)});
        put(table);
    }

    void put_scan(const JpegScan& scan) {
        for (std::size_t i = 0; i < scan.count; ++i) {
            const std::size_t k = scan.component[i];
            const ByteView table = jpeg_.components[k].table;
            if (!quantized_[k]) {
                put({0xFF, 0xDB});
                put_two(2 + table.size());
                put({byte((table[0] & 0xF0u) | k)});
                put(table.subspan(1));
                quantized_[k] = true;
            }
            put_table(scan.dc[i], 0, i);
            put_table(scan.ac[i], 1, i);
        }
        if (scan.restart != restart_) {
            put({0xFF, 0xDD, 0, 4});
            put_two(scan.restart);
            restart_ = scan.restart;
        }
        put({0xFF, 0xDA});
        put_two(6 + 2 * scan.count);
        put({byte(scan.count)});
        for (std::size_t i = 0; i < scan.count; ++i) put({id(scan.component[i]), byte(i << 4 | i)});
        put({byte(scan.first), byte(scan.last), byte(scan.high << 4 | scan.low)});
        std::size_t from = scan.at;
        for (const JpegRepair& repair : scan.repairs) {
            put(file_.subspan(from, repair.at - from));
            if (repair.marker != 0) put({0xFF, byte(repair.marker)});
            from = repair.at + repair.drop;
        }
        put(file_.subspan(from, scan.end - from));
    }

    ByteView file_;
    const JpegFile& jpeg_;
    Bytes out_;
    std::array<std::array<ByteView, 4>, 2> huffman_{};
    std::array<bool, 4> quantized_{};
    std::size_t restart_ = 0;
};

}  // namespace tessera::image::detail
