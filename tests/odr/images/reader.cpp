// Everything that reads images, used once. A host may define macros of stb_image before it, so two such files of a
// program have different copies of it.
#include <tessera/core/tensor.hpp>
#include <tessera/data/image.hpp>

#include <cstddef>
#include <string>

#define JOINED(a, b) a##b
#define NAMED(file) JOINED(read_, file)

#ifdef CONTROL
static int of_this_file(int x) { return x + 1; }
inline int shared_by_files(int x) { return of_this_file(x); }
int control(int x) { return shared_by_files(x); }
#endif

std::size_t NAMED(FILE_NAME)(const std::string& folder) {
    using namespace tessera;
    using S = Shape<8, 8, 3>;
    const auto whole = data::load_image_folder<S>(folder);
    const auto lazy = data::open_image_folder<S>(folder);
    Tensor<float, S> x{1};
    lazy.train.copy(0, x[0]);
    const data::LazyIdx<Shape<8, 8, 1>> idx{folder};
    return whole.files + lazy.files + data::load_mnist(folder).train.size() + image::read_image(folder, 3).height +
           data::load_contact_sheet<S>(folder, 10).size() + idx.size();
}
