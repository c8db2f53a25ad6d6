// The keywords of Qt, as its headers define them, before anything else: no header of this library, of the standard
// library or of a third party has been included yet. Compiled only.
#define Q_SLOTS
#define Q_SIGNALS public
#define Q_EMIT
#define Q_FOREVER for (;;)
#define Q_FOREACH(variable, container) for (variable : container)
#define slots Q_SLOTS
#define signals Q_SIGNALS
#define emit Q_EMIT
#define foreach Q_FOREACH
#define forever Q_FOREVER
#define SIGNAL(a) "2" #a
#define SLOT(a) "1" #a

#include <tessera/data/image_folder.hpp>
#include <tessera/data/mnist.hpp>
#include <tessera/tessera.hpp>

namespace {

namespace ts = tessera;
using ts::nn::Chain, ts::nn::Conv2d, ts::nn::ConvTranspose2d, ts::nn::Relu, ts::nn::Sigmoid;
struct Encoder : Chain<ts::Shape<8, 8, 1>, Conv2d<8, ts::nn::halve4>, Relu> {};
struct Decoder : Chain<Encoder::Output, ConvTranspose2d<1, ts::nn::double4>, Sigmoid> {};
using Vae = ts::VqVae<Encoder, ts::Codebook<16>, Decoder>;

// The macros are still those of the host, after headers that had to be read without them.
class Training {
signals:
    void finished(double loss) { loss_ = loss; }

public slots:
    double train(const char* folder) {
        const auto set = ts::data::load_image_folder<ts::Shape<8, 8, 1>>(folder);
        ts::Rng rng{1};
        Vae vae{rng};
        ts::Trainer trainer{vae, ts::AdamW{vae}};
        foreach (auto&& batch, ts::batches(set.train, 16, rng)) emit finished(trainer.step(batch).loss);
        return loss_;
    }

private:
    double loss_ = 0;
};

}  // namespace

double train_in_a_qt_host(const char* folder) { return Training{}.train(folder); }
