#pragma once

namespace cnn {
class Layer;
}
