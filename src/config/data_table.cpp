#include "config/data_table.h"

#include <algorithm>
#include <regex>

#include "config/augment_table.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

constexpr std::int64_t kMostImageValues = std::int64_t{1} << 28;  // 1 GiB of floats for one image

std::shared_ptr<const Object<IdxLocation>> idx_kind() {
  using S = IdxLocation;
  return std::make_shared<Object<S>>(
      "an IDX location",
      Table<S>{"",
               "A pair of IDX files.",
               {required_key("images", &S::images, path("the path of a file of images (a string)"),
                             "File of images, may be .gz."),
                required_key("labels", &S::labels, path("the path of a file of labels (a string)"),
                             "File of labels, may be .gz.")}});
}

std::shared_ptr<const Object<LabelTable>> table_kind() {
  using S = LabelTable;
  const auto column = [](const char* key, std::string S::*member, const char* doc) {
    return optional_key<S, std::string>(key, member,
                                        std::make_shared<Text>("the name of a column (a string)"), doc);
  };
  return std::make_shared<Object<S>>(
      "a table of labels",
      Table<S>{
          "",
          "A table (CSV, RFC 4180) whose first row names its columns.",
          {required_key("file", &S::file, path("the path of a .csv file (a string)"), "The table."),
           column("path_column", &S::path_column,
                  "Column of the image files, relative to the table's folder."),
           column("label_column", &S::label_column, "Column of the labels."),
           column("split_column", &S::split_column,
                  "Column that says to which set a row belongs; a table need not have one."),
           column(
               "split", &S::split,
               "Takes the rows with this value in `split_column`. Without it, `train` takes those that are "
               "called train, training and the like, `validation` and `test` likewise, and all rows if "
               "there is no such column.")}});
}

std::string location_words(DataFormat format) {
  switch (format) {
    case DataFormat::folder:
      return "the path of a folder (a string), because format is \"folder\"";
    case DataFormat::idx:
      return "{\"images\": \"<path>\", \"labels\": \"<path>\"}, because format is \"idx\"";
    case DataFormat::cifar10:
      return "an array of paths of .bin files, because format is \"cifar10\"";
    case DataFormat::csv:
      return "the path of a .csv file, or {\"file\": \"<path>\", \"label_column\": ...}, because format is "
             "\"csv\"";
  }
  return "";
}

/// part: the rows of a table that are meant. `also`: what else is allowed at this place, for the message.
bool read_location(const Place& place, DataFormat format, DataPart part, DataLocation& out,
                   const std::string& also = "") {
  const JsonValue& value = place.value();
  if (format == DataFormat::csv && (value.kind == JsonKind::string || value.kind == JsonKind::object)) {
    LabelTable& table = out.emplace<LabelTable>();
    const bool good = value.kind == JsonKind::string
                          ? path("the path of a .csv file")->read(place, table.file)
                          : table_kind()->read(place, table);
    table.part = part;
    return good;
  }
  if (format == DataFormat::idx && value.kind == JsonKind::object)
    return idx_kind()->read(place, out.emplace<IdxLocation>());
  if (format == DataFormat::folder && value.kind == JsonKind::string)
    return path("the path of a folder")->read(place, out.emplace<FolderLocation>().folder);
  if (format == DataFormat::cifar10 && (value.kind == JsonKind::string || value.kind == JsonKind::array)) {
    const auto file = path("the path of a .bin file (a string)");
    auto& files = out.emplace<CifarLocation>().files;
    if (value.kind == JsonKind::string) return file->read(place, files.emplace_back());
    return list(file, 1, location_words(format))->read(place, files);
  }
  return place.expected(also + location_words(format));
}

JsonValue write_location(const DataLocation& location) {
  struct Writer {
    JsonValue operator()(const FolderLocation& folder) const { return folder.folder.string(); }
    JsonValue operator()(const IdxLocation& idx) const { return idx_kind()->write(idx); }
    JsonValue operator()(const LabelTable& table) const {
      LabelTable plain;
      plain.file = table.file, plain.part = table.part;
      return table == plain ? JsonValue(table.file.string()) : table_kind()->write(table);
    }
    JsonValue operator()(const CifarLocation& cifar) const {
      JsonValue files = JsonValue::array();
      for (const auto& file : cifar.files) files.items.push_back(file.string());
      return files;
    }
  };
  return std::visit(Writer{}, location);
}

JsonValue any_location_schema() {
  JsonValue all = JsonValue::array();
  for (const LocationSchema& location : location_schemas()) all.items.push_back(location.schema);
  return JsonValue::object().set("anyOf", std::move(all));
}

/// Without a format nothing can be said about locations; the format's own error is enough.
bool format_is_known(const Place& place) {
  const std::string data = place.pointer().substr(0, place.pointer().rfind('/'));
  return !place.reading().has_error_at(data / "format");
}

Field<DataSpec> train_key() {
  Field<DataSpec> field;
  field.key = "train";
  field.doc =
      "Where the training images are. `folder`: a folder with one folder of images per class; `idx`: "
      "`{\"images\": ..., \"labels\": ...}`; `cifar10`: a list of .bin files; `csv`: a table with the "
      "columns "
      "`path`, `label` and perhaps `split`, or an object that names them.";
  field.required = true;
  field.in_model = false;
  // Moved, perhaps: whether the images are the same is found out when they are opened.
  field.on_resume(ResumeEffect::none);
  field.read = [](const Place& place, DataSpec& data) {
    return format_is_known(place) && read_location(place, data.format, DataPart::train, data.train);
  };
  field.write = [](const DataSpec& data, ConfigUse) { return std::optional(write_location(data.train)); };
  field.schema = any_location_schema;
  field.words = [] {
    return "a path, {\"images\": ..., \"labels\": ...}, {\"file\": ...} or an array of paths, depending on "
           "format";
  };
  return field;
}

Field<DataSpec> test_key() {
  Field<DataSpec> field;
  field.key = "test";
  field.doc = "Test images, in the same forms as `train`: evaluated once, at the end, with the best model.";
  field.in_model = false;
  field.on_resume(ResumeEffect::none);
  field.read = [](const Place& place, DataSpec& data) {
    if (place.value().kind == JsonKind::null) return data.test.reset(), true;
    return format_is_known(place) && read_location(place, data.format, DataPart::test, data.test.emplace());
  };
  field.write = [](const DataSpec& data, ConfigUse) {
    return std::optional(data.test ? write_location(*data.test) : JsonValue());
  };
  field.schema = [] {
    JsonValue schema = any_location_schema();
    schema.find("anyOf")->items.push_back(JsonValue::object().set("type", "null"));
    return schema;
  };
  field.words = [] { return "as `train`"; };
  return field;
}

/// An ECMAScript regular expression. Short: the library that compiles it calls itself for every parenthesis.
class RegularExpression : public Kind<std::string> {
 public:
  bool read(const Place& place, std::string& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::string || value.text.empty() || value.text.size() > kLongest)
      return place.expected(words());
    try {
      const std::regex compiled(value.text);
    } catch (const std::regex_error& error) {
      return place.error(
          fmt::format("found \"{}\", expected {}: {}", printable(value.text), words(), error.what()));
    }
    out = value.text;
    return true;
  }
  JsonValue write(const std::string& value) const override {
    return value.empty() ? JsonValue() : JsonValue(value);
  }
  JsonValue schema() const override {
    return JsonValue::object().set("type", "string").set("minLength", 1).set("format", "regex");
  }
  std::string words() const override { return "a regular expression (a string)"; }

 private:
  static constexpr std::size_t kLongest = 1000;
};

Field<ValidationFraction> group_by_key() {
  Field<ValidationFraction> field = optional_key(
      "group_by", &ValidationFraction::group_by, KindOf<std::string>(std::make_shared<RegularExpression>()),
      "Images whose names have the same match of this regular expression stay together. The fraction is kept "
      "as closely as the groups allow.");
  field.write = [write = field.write](const ValidationFraction& value,
                                      ConfigUse use) -> std::optional<JsonValue> {
    if (value.group_by.empty()) return std::nullopt;
    return write(value, use);
  };
  return field;
}

std::shared_ptr<const Object<ValidationFraction>> fraction_kind() {
  return std::make_shared<Object<ValidationFraction>>(
      "a validation split",
      Table<ValidationFraction>{
          "",
          "A stratified, seeded part of the training images.",
          {required_key("fraction", &ValidationFraction::fraction, number(Interval::open(0, 1)),
                        "Share of the training images of each class."),
           group_by_key()}});
}

/// A set of its own may move. Images that are held back change what is trained on, and a training that had no
/// validation images has chosen no best epoch by them.
ResumeEffect effect_on_validation(const JsonValue* before, const JsonValue* now) {
  const auto is_set = [](const JsonValue* value) {
    return value && value->kind != JsonKind::null && !value->find("fraction");
  };
  return is_set(before) && is_set(now) ? ResumeEffect::none : ResumeEffect::impossible;
}

Field<DataSpec> validation_key() {
  Field<DataSpec> field;
  field.key = "validation";
  field.doc =
      "Images that measure progress and choose the best model: `{\"fraction\": 0.1}` holds back a "
      "stratified, seeded part of the training images; or the same forms as `train`. "
      "`{\"fraction\": 0.1, \"group_by\": \"^(.*)_[0-9]+\\\\.\"}` keeps images together whose names have the "
      "same match of a regular expression (ECMAScript), such as the frames of a video: all are held back, or "
      "none. What counts is the first part in parentheses, if there is one. It is searched for in the path "
      "below the folder of the class (with leaf classes, in the file's name), or in the path that a table "
      "gives; images of several classes may be one group. An image without a match is on its own.";
  field.resume_rule = effect_on_validation;
  field.read = [](const Place& place, DataSpec& data) {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::null) return data.validation.emplace<std::monostate>(), true;
    const std::string words = "{\"fraction\": 0.1} or, as for train, ";
    if (value.find("fraction") != nullptr || value.find("group_by") != nullptr)
      return fraction_kind()->read(place, data.validation.emplace<ValidationFraction>());
    if (place.reading().use() == ConfigUse::model) return place.expected("{\"fraction\": 0.1}");
    if (!format_is_known(place)) return false;
    const bool pair = value.find("images") != nullptr || value.find("labels") != nullptr;
    const bool table = data.format == DataFormat::csv && value.find("file") != nullptr;
    if (value.kind == JsonKind::object && !table && !(data.format == DataFormat::idx && pair)) {
      if (value.items.empty()) return place.expected(words + location_words(data.format));
      std::vector<std::string> keys{"fraction"};
      if (data.format == DataFormat::folder || data.format == DataFormat::csv) keys.push_back("group_by");
      if (data.format == DataFormat::idx) keys.insert(keys.end(), {"images", "labels"});
      return check_keys(place, "validation", keys, {}, {});
    }
    return read_location(place, data.format, DataPart::validation, data.validation.emplace<DataLocation>(),
                         words);
  };
  field.write = [](const DataSpec& data, ConfigUse use) -> std::optional<JsonValue> {
    if (const auto* part = std::get_if<ValidationFraction>(&data.validation))
      return fraction_kind()->write(*part);
    if (use == ConfigUse::model) return std::nullopt;
    const auto* location = std::get_if<DataLocation>(&data.validation);
    return location == nullptr ? JsonValue() : write_location(*location);
  };
  field.schema = [] {
    JsonValue schema = any_location_schema();
    auto& forms = schema.find("anyOf")->items;
    forms.insert(forms.begin(), fraction_kind()->schema());
    forms.push_back(JsonValue::object().set("type", "null"));
    return schema;
  };
  field.words = [] {
    return "`{\"fraction\": number > 0 and < 1}`, also with `\"group_by\"`, or as `train`";
  };
  return field;
}

/// "auto", "none", or {"mean": [..], "std": [..]}.
class NormalizeKind : public Kind<NormalizeSpec> {
 public:
  NormalizeKind()
      : given_("normalize",
               {"",
                "Given numbers, on values in 0..1.",
                {required_key("mean", &NormalizeSpec::mean,
                              list(number(), 1, "an array with one number per channel"), "One per channel."),
                 required_key("std", &NormalizeSpec::std,
                              list(number(Interval::above(0)), 1, "an array with one number > 0 per channel"),
                              "One per channel.")}}) {}
  bool read(const Place& place, NormalizeSpec& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::string) {
      if (value.text == "auto") return out = {NormalizeSpec::Mode::automatic, {}, {}}, true;
      if (value.text == "none") return out = {NormalizeSpec::Mode::none, {}, {}}, true;
      const std::vector<std::string> names{"auto", "none"};
      return place.expected(words() + suggestion(value.text, names));
    }
    if (value.kind != JsonKind::object) return place.expected(words());
    if (!given_.read(place, out)) return false;
    out.mode = NormalizeSpec::Mode::given;
    return true;
  }
  JsonValue write(const NormalizeSpec& value) const override {
    switch (value.mode) {
      case NormalizeSpec::Mode::automatic:
        return "auto";
      case NormalizeSpec::Mode::none:
        return "none";
      case NormalizeSpec::Mode::given:
        break;
    }
    return given_.write(value);
  }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({JsonValue::object().set(
                                       "enum", JsonValue::array({JsonValue("auto"), JsonValue("none")})),
                                   given_.schema()}));
  }
  std::string words() const override { return "\"auto\", \"none\" or {\"mean\": [...], \"std\": [...]}"; }

 private:
  Object<NormalizeSpec> given_;
};

bool check_data(const Place& place, DataSpec& data) {
  bool good = true;
  if (data.format != DataFormat::folder && data.class_folders != ClassFolders::automatic)
    good = place.error_at_member("classes", "goes with format \"folder\" only; remove it");
  const Place image = place.member("image");
  const bool files = data.format == DataFormat::folder || data.format == DataFormat::csv;
  for (const auto& [key, set] : {std::pair{"depth", data.image.depth != 8},
                                 std::pair{"background", data.image.background.has_value()}})
    if (set && !files)
      good =
          image.error_at_member(key, "goes with image files only (format \"folder\" or \"csv\"); remove it");
  const auto* part = std::get_if<ValidationFraction>(&data.validation);
  if (part != nullptr && !part->group_by.empty() && !files)
    good = place.member("validation")
               .error_at_member("group_by",
                                "goes by the names of image files (format \"folder\" or \"csv\"); remove it");
  const auto channels = static_cast<std::size_t>(data.image.channels);
  if (data.normalize.mode == NormalizeSpec::Mode::given) {
    const Place normalize = place.member("normalize");
    const auto check = [&](const char* key, const std::vector<double>& values) {
      if (values.size() == channels) return;
      good = normalize.error_at_member(
          key, fmt::format("found {} number{}, expected {}: one per channel of the image", values.size(),
                           values.size() == 1 ? "" : "s", channels));
    };
    check("mean", data.normalize.mean);
    check("std", data.normalize.std);
  }
  good = check_augment(place, data) && good;
  return good;
}

/// "auto", two numbers, or null for all that the file can hold.
class RangeKind : public Kind<PixelRange> {
 public:
  bool read(const Place& place, PixelRange& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::null) return out = {}, true;
    if (value.kind == JsonKind::string && value.text == "auto")
      return out = {.mode = PixelRange::Mode::automatic}, true;
    std::vector<int> ends;
    if (value.kind != JsonKind::array || value.items.size() != 2) return place.expected(words());
    if (!list(integer(0, 65535), 2, words())->read(place, ends)) return false;
    if (ends[0] >= ends[1])
      return place.error(
          fmt::format("the range begins at {} and ends at {}; expected a greater end", ends[0], ends[1]));
    return out = {PixelRange::Mode::given, ends[0], ends[1]}, true;
  }
  JsonValue write(const PixelRange& value) const override {
    if (value.mode == PixelRange::Mode::whole) return {};
    if (value.mode == PixelRange::Mode::automatic) return "auto";
    return JsonValue::array({JsonValue(value.low), JsonValue(value.high)});
  }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({JsonValue::object().set("enum", JsonValue::array({JsonValue("auto")})),
                                   JsonValue::object()
                                       .set("type", "array")
                                       .set("items", integer(0, 65535)->schema())
                                       .set("minItems", 2)
                                       .set("maxItems", 2),
                                   JsonValue::object().set("type", "null")}));
  }
  std::string words() const override { return "\"auto\" or [low, high], two integers from 0 to 65535"; }
};

/// "white", "black", or red, green and blue; null for the hidden color of the file.
class BackgroundKind : public Kind<std::optional<std::array<std::uint8_t, 3>>> {
 public:
  using Color = std::array<std::uint8_t, 3>;
  bool read(const Place& place, std::optional<Color>& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::null) return out.reset(), true;
    if (value.kind == JsonKind::string && value.text == "white") return out = Color{255, 255, 255}, true;
    if (value.kind == JsonKind::string && value.text == "black") return out = Color{0, 0, 0}, true;
    std::vector<int> parts;
    if (value.kind != JsonKind::array || value.items.size() != 3) return place.expected(words());
    if (!list(integer(0, 255), 3, words())->read(place, parts)) return false;
    Color color{};
    for (std::size_t c = 0; c < color.size(); ++c) color[c] = static_cast<std::uint8_t>(parts[c]);
    return out = color, true;
  }
  JsonValue write(const std::optional<Color>& value) const override {
    if (!value) return {};
    if (*value == Color{255, 255, 255}) return "white";
    if (*value == Color{0, 0, 0}) return "black";
    JsonValue parts = JsonValue::array();
    for (const std::uint8_t part : *value) parts.items.push_back(int{part});
    return parts;
  }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({JsonValue::object().set(
                                       "enum", JsonValue::array({JsonValue("white"), JsonValue("black")})),
                                   JsonValue::object()
                                       .set("type", "array")
                                       .set("items", integer(0, 255)->schema())
                                       .set("minItems", 3)
                                       .set("maxItems", 3),
                                   JsonValue::object().set("type", "null")}));
  }
  std::string words() const override {
    return "\"white\", \"black\" or [red, green, blue], three integers from 0 to 255";
  }
};

/// A key that a model has only where it says something: older programs do not know it.
template <class V>
Field<ImageSpec> rare_key(std::string key, V ImageSpec::*member, KindOf<V> kind, std::string doc) {
  Field<ImageSpec> field = optional_key(std::move(key), member, kind, std::move(doc));
  field.write = [=](const ImageSpec& value, ConfigUse use) -> std::optional<JsonValue> {
    if (use == ConfigUse::model && value.*member == ImageSpec().*member) return std::nullopt;
    return kind->write(value.*member);
  };
  return field;
}

/// 8 or 16.
class DepthKind : public Kind<int> {
 public:
  bool read(const Place& place, int& out) const override {
    if (!integer(1)->read(place, out)) return false;
    return out == 8 || out == 16 || place.expected(words());
  }
  JsonValue write(const int& value) const override { return value; }
  JsonValue schema() const override {
    return JsonValue::object().set("enum", JsonValue::array({JsonValue(8), JsonValue(16)}));
  }
  std::string words() const override { return "8 or 16"; }
};

Table<ImageSpec> image_table() {
  using S = ImageSpec;
  Table<S> table{
      "",
      "Every image is converted to this before the network sees it.",
      {required_key("channels", &S::channels, integer(1),
                    "1 for grey, 3 for color; other numbers only if the files have as many."),
       required_key("height", &S::height, integer(1), "Rows."),
       required_key("width", &S::width, integer(1), "Columns."),
       optional_key("resize", &S::resize, choice<Resize>(),
                    "Images of another size, scaled by antialiased bilinear interpolation as in Pillow: "
                    "`stretch` both sides; `fit` keeps the shape and adds black (letterbox); "
                    "`crop` keeps the shape and cuts to the center; `none`: the size must match."),
       rare_key(
           "short_side", &S::short_side, integer(0),
           "`crop`: the shorter side of every image becomes this long, and then the center is cut out, as "
           "torchvision's Resize and CenterCrop do it (256 for 224x224, usually). 0: the image becomes "
           "just large enough. Kept in the model."),
       optional_key(
           "scaled_decoding", &S::scaled_decoding, boolean(),
           "JPEGs that are at least eight times as large as the target on both sides are decoded at a "
           "half, a quarter or an eighth of their size, and then resized: several times as fast, and "
           "within two grey levels of the whole image on photos. Kept in the model."),
       rare_key(
           "depth", &S::depth, KindOf<int>(std::make_shared<DepthKind>()),
           "Bits of a value. 8: of 16-bit files the upper 8 bits are used. 16: values of PNG, TIFF and PNM "
           "files are read as 0..1 without loss (other files have 8 bits), and take four times the memory. "
           "Kept in the model."),
       rare_key("range", &S::range, KindOf<PixelRange>(std::make_shared<RangeKind>()),
                "Depth 16: which stored values of 16-bit files become 0 and 1, `[0, 4095]` for 12 bits, say; "
                "what is beyond is cut off. `auto`: the least and the greatest value in `train`, for which "
                "those images are read twice. Without it, all that a file can hold. Files of 8 bits are read "
                "as ever. Kept in the model, as numbers."),
       rare_key("background", &S::background,
                KindOf<std::optional<std::array<std::uint8_t, 3>>>(std::make_shared<BackgroundKind>()),
                "What lies under the transparent parts of images: `white`, `black` or `[red, green, blue]`. "
                "Without it alpha is dropped, and the color shows that the file hides there. Kept in the "
                "model.")}};
  table.check = [](const Place& place, ImageSpec& image) {
    // Models from before the key was there saw JPEGs of full size.
    if (place.reading().use() == ConfigUse::model && !place.has("scaled_decoding"))
      image.scaled_decoding = false;
    if (image.short_side > 0 && image.resize != Resize::crop)
      return place.error_at_member("short_side",
                                   "goes with \"resize\": \"crop\" only; set that, or remove it");
    if (const int least = std::max(image.height, image.width);
        image.short_side > 0 && image.short_side < least)
      return place.error_at_member(
          "short_side", fmt::format("found {}, expected at least {}: the image of {}x{} is cut out of it",
                                    image.short_side, least, image.height, image.width));
    if (image.depth != 16 && image.range.mode != PixelRange::Mode::whole)
      return place.error_at_member("range", "goes with \"depth\": 16 only; set that, or remove it");
    // In double: the product of three such sizes need not fit 64 bits.
    const double values = double(image.channels) * image.height * image.width;
    if (values <= static_cast<double>(kMostImageValues)) return true;
    return place.error(
        fmt::format("an image of {}x{}x{} has {:.3g} values, but at most {} are possible; use a smaller size",
                    image.channels, image.height, image.width, values, with_commas(kMostImageValues)));
  };
  return table;
}

Field<DataSpec> classes_key() {
  const KindOf<ClassFolders> kind = choice<ClassFolders>();
  Field<DataSpec> field = optional_key(
      "classes", &DataSpec::class_folders, kind,
      "Format `folder`: which folders are the classes. `top`: the folders directly in `train`, with "
      "everything below them; `leaf`: every folder that holds images itself, named by its path, as "
      "in `Fruit/Apple/Golden`; `auto`: as `top`, but what looks like the parts of a data set "
      "(`train` and `test`, or folders that all hold the same folders) is refused. Validation and "
      "test sets and cnn-eval follow it.");
  // A model needs to know of leaves only.
  field.write = [kind](const DataSpec& data, ConfigUse use) -> std::optional<JsonValue> {
    if (use == ConfigUse::model && data.class_folders != ClassFolders::leaf) return std::nullopt;
    return kind->write(data.class_folders);
  };
  return std::move(field).on_resume(ResumeEffect::impossible);
}

Field<DataSpec> limits_key() {
  Field<DataSpec> field = object_key("limits", &DataSpec::limits, limits_kind(),
                                     "Limits on reading one image file: a small file can claim to hold more "
                                     "than the machine has memory for.");
  field.required = false;
  return std::move(field).on_resume(ResumeEffect::none);
}

}  // namespace

std::vector<LocationSchema> location_schemas() {
  const JsonValue one = JsonValue::object().set("type", "string").set("minLength", 1);
  const JsonValue many = JsonValue::object().set("type", "array").set("items", one).set("minItems", 1);
  return {{"folder", one},
          {"idx", idx_kind()->schema()},
          {"cifar10", JsonValue::object().set("anyOf", JsonValue::array({one, many}))},
          {"csv", JsonValue::object().set("anyOf", JsonValue::array({one, table_kind()->schema()}))}};
}

std::shared_ptr<const Object<ImageSpec>> image_kind() {
  static const auto kind = std::make_shared<const Object<ImageSpec>>("image", image_table());
  return kind;
}

std::shared_ptr<const Object<DecodeLimits>> limits_kind() {
  using S = DecodeLimits;
  static const auto kind = std::make_shared<const Object<S>>(
      "limits", Table<S>{"",
                         "Limits on reading one image file; a file beyond them is a bad image. Kept in the "
                         "model, for `cnn-eval`.",
                         {optional_key("pixels", &S::pixels, integer(1, 500'000'000), "Height times width."),
                          optional_key("file_mb", &S::file_mb, integer(1, 1024), "Megabytes of the file."),
                          optional_key("seconds", &S::seconds, number(Interval::above(0)),
                                       "Processor time for decoding.")}});
  return kind;
}

std::shared_ptr<const Object<DataSpec>> data_kind() {
  using S = DataSpec;
  // The kind lives forever; the list does not own it.
  const KindOf<AugmentSpec> augment(&augment_kind(), [](const Kind<AugmentSpec>*) {});
  static const auto kind = [&] {
    Table<S> table{
        "",
        "The images, and how they are prepared.",
        {required_key("format", &S::format, choice<DataFormat>(),
                      "`folder`: `train/<class>/*.{png,jpg,...}`; `idx`: MNIST's file format, also .gz; "
                      "`cifar10`: CIFAR-10's binary batches; `csv`: a table of image files and labels.")
             .on_resume(ResumeEffect::impossible),
         train_key(), validation_key(), test_key(), classes_key(),
         object_key("image", &S::image, image_kind(),
                    "Every image is converted to this before the network sees it.")
             .on_resume(ResumeEffect::impossible),
         optional_key("normalize", &S::normalize, KindOf<NormalizeSpec>(std::make_shared<NormalizeKind>()),
                      "(value - mean) / std on values in 0..1. `auto`: mean and std per channel of the "
                      "training images; `none`; or given numbers, one per channel.")
             .on_resume(ResumeEffect::impossible),
         optional_key("augment", &S::augment,
                      list(augment, 0, "an array of entries such as {\"type\": \"random_flip\"}"),
                      "Random changes to training images, in this order.")
             .on_resume(ResumeEffect::from_now_on),
         optional_key(
             "test_time_augmentation", &S::test_time_augmentation, test_time_augmentation_kind(),
             "Classifies each test image by the mean output of several views: `flip` adds its mirror image; "
             "`shift` adds the image moved by one pixel along the diagonal, both ways, which together count "
             "half; `flip+shift` uses all six views. Applies to the test at the end and to cnn-eval, unless "
             "its --tta overrides it; not to the validation after every epoch.")
             .on_resume(ResumeEffect::none),
         optional_key("bad_images", &S::bad_images, choice<BadImages>(),
                      "Files that cannot be read: `fail` lists all of them and stops before training; `skip` "
                      "lists them and goes on without them.")
             .on_resume(ResumeEffect::none),
         limits_key(),
         optional_key(
             "duplicates", &S::duplicates, choice<DuplicatePolicy>(),
             "Images with the same pixels, as the network sees them, within and across the sets: `warn` "
             "counts them and lists them in the run's `duplicates.csv`; `fail` stops before training.")
             .on_resume(ResumeEffect::none)
             .not_in_model(),
         optional_key(
             "cache_mb", &S::cache_mb, integer(0, 1 << 24),
             "Megabytes of decoded images to keep in memory; images beyond that are read again when needed.")
             .on_resume(ResumeEffect::none),
         optional_key(
             "disk_cache_mb", &S::disk_cache_mb, integer(0, 1 << 24),
             "Megabytes of decoded images, and of what a frozen front makes of images, to keep on disk, in "
             "`cnn-train` below `$XDG_CACHE_HOME` or `~/.cache`, so that the next start need not compute "
             "them again: where that takes more than a second. 0: none; `--no-cache` goes without once.")
             .on_resume(ResumeEffect::none)
             .not_in_model()}};
    table.check = check_data;
    return std::make_shared<const Object<S>>("data", std::move(table));
  }();
  return kind;
}

}  // namespace cnn
