#include <fstream>

#include "catch.h"
#include "config/document.h"
#include "config/syntax.h"
#include "config_example.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

const std::string& kBase = kBaseConfig;

struct Mistake {
  std::string from, to, message;
};

const Mistake kSyntaxMistakes[] = {
    {R"(0.1}})", R"(0.1},})", R"(a.json:9:97: a comma before the closing }; remove it)"},
    {R"("units": 10})", R"("units": 10},)", R"(a.json:7:35: a comma before the closing ]; remove it)"},
    {R"("units": 10})", R"("units": 10,})", R"(a.json:7:34: a comma before the closing }; remove it)"},
    {R"("folder",)", R"("folder")", R"(a.json:2:30: a comma is missing after this value)"},
    {R"("train": "train",)", R"("train": "train")", R"(a.json:2:48: a comma is missing after this value)"},
    {R"({"type": "flatten"},)", R"({"type": "flatten"})",
     R"(a.json:6:24: a comma is missing after this value)"},
    {R"("flatten"},)", R"("flatten"},,)", R"(a.json:6:25: two commas; remove one)"},
    {R"("epochs": 8,)", R"("epochs": 8,,)", R"(a.json:9:28: two commas; remove one)"},
    {R"("network": [)", R"("network": [,)", R"(a.json:3:15: a value is missing before this comma)"},
    {R"("epochs": 8)", R"("epochs":)", R"(a.json:9:25: the value of "epochs" is missing)"},
    {R"("epochs": 8,)", R"("epochs": ,)", R"(a.json:9:26: the value of "epochs" is missing)"},
    {R"("epochs": 8)", R"("epochs" 8)", R"(a.json:9:25: found "8", expected a colon after the key "epochs")"},
    {R"("epochs": 8)", R"("epochs" = 8)",
     R"(a.json:9:25: write a colon instead of = after the key "epochs")"},
    {R"("epochs": 8)", R"("epochs":: 8)", R"(a.json:9:25: two colons; remove one)"},
    {R"("epochs": 8,)", R"("epochs": 8;)", R"(a.json:9:27: write a comma instead of the semicolon)"},
    {R"("epochs")", R"('epochs')", R"(a.json:9:16: write keys in double quotes, not in single ones)"},
    {R"("epochs")", R"(epochs)", R"(a.json:9:16: keys need double quotes; write "epochs")"},
    {R"("epochs")", R"(3)", R"(a.json:9:16: keys need double quotes; write "3")"},
    {R"(0.1)", R"(0,1)", R"(a.json:9:95: numbers have a decimal point, not a comma: write 0.1)"},
    {R"(0.1)", R"(-12,003e2)", R"(a.json:9:97: numbers have a decimal point, not a comma: write -12.003e2)"},
    {R"("folder")", R"('folder')", R"(a.json:2:22: write strings in double quotes, not in single ones)"},
    {R"("folder")", R"(folder)",
     R"(a.json:2:22: found "folder", expected a value; strings need double quotes)"},
    {R"("folder")", R"("folder)",
     R"(a.json:2:32: found "train" right after the end of a string; a " is missing or superfluous)"},
    {R"("folder")", "\"fol\tder\"", R"(a.json:2:26: a tab inside a string; write \t, or spaces)"},
    {R"("folder")", "\"fol\001der\"",
     R"(a.json:2:26: the control character \x01 inside a string; remove it, or write \u0001)"},
    {R"("train": "train")", R"("train": "C:\data")",
     R"(a.json:2:45: a backslash starts an escape here (\n, \", \u00e9); write \\ for a backslash, and / in paths)"},
    {R"("folder")", R"("\ud800")",
     R"(a.json:2:29: a backslash starts an escape here (\n, \", \u00e9); write \\ for a backslash, and / in paths)"},
    {R"(0.1)", R"(True)", R"(a.json:9:93: JSON writes true, not True)"},
    {R"(0.1)", R"(FALSE)", R"(a.json:9:93: JSON writes false, not FALSE)"},
    {R"(0.1)", R"(None)", R"(a.json:9:93: JSON writes null, not None)"},
    {R"(0.1)", R"(NaN)", R"(a.json:9:93: NaN is not a number in JSON)"},
    {R"(0.1)", R"(-Infinity)", R"(a.json:9:93: -Infinity is not a number in JSON)"},
    {R"(0.1)", R"(yes)", R"(a.json:9:93: JSON writes true, not yes)"},
    {R"(0.1)", R"(off)", R"(a.json:9:93: JSON writes false, not off)"},
    {R"(0.1)", R"(.1)",
     R"(a.json:9:93: not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point))"},
    {R"(0.1)", R"(+1)",
     R"(a.json:9:93: not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point))"},
    {R"(0.1)", R"(01)", R"(a.json:9:93: numbers have no leading zeros)"},
    {R"(0.1)", R"(-01)", R"(a.json:9:94: numbers have no leading zeros)"},
    {R"(0.1)", R"(1.)",
     R"(a.json:9:93: not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point))"},
    {R"(0.1)", R"(-)",
     R"(a.json:9:93: not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point))"},
    {R"(0.1)", R"(1e)",
     R"(a.json:9:93: not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point))"},
    {R"(0.1)", R"(1e400)", R"(a.json:9:93: the number 1e400 is too large)"},
    {R"(0.1)", R"(-1e400)", R"(a.json:9:93: the number -1e400 is too large)"},
    {R"(0.1)", R"(0x10)",
     R"(a.json:9:94: found "x10" right after a value, expected a comma or the closing })"},
    {R"(0.1)", R"(@)", R"(a.json:9:93: found "@", expected a value)"},
    {R"(0.1)", R"(é)", R"(a.json:9:93: found "é", expected a value)"},
    {R"("data")", "# data\n\"data\"", R"(a.json:2:3: comments start with //, not with #)"},
    {R"("data")", "/ data\n\"data\"", R"(a.json:2:3: a single slash; comments start with // or /*)"},
    {R"("data")", R"(/* data)", R"(a.json:2:3: this comment has no end; a closing */ is missing)"},
    {R"({"type": "flatten"})", R"(# flatten)", R"(a.json:6:5: comments start with //, not with #)"},
    {R"("flatten"})", R"("flatten"])",
     R"(a.json:6:23: found ], but the object that starts in line 6 is closed by })"},
    {"\"units\": 10}\n  ]", "\"units\": 10}\n  }",
     R"(a.json:8:3: found }, but the array that starts in line 3 is closed by ])"},
    {R"("epochs": 8)", R"("epochs": 8, "epochs": 9)",
     R"(a.json:9:29: the key "epochs" appears twice in this object (first in line 9); remove one)"},
    {R"("type": "flatten")", "\"type\": \"flatten\",\n \"x\": 1, \"x\": 2",
     R"(a.json:7:10: the key "x" appears twice in this object (first in line 7); remove one)"},
};

struct Text {
  std::string text, message;
};

const Text kTexts[] = {
    {"",
     R"(a.json:1:1: the file is empty; expected a JSON object: { "data": ..., "network": ..., "training": ... })"},
    {" \n // nothing \n",
     R"(a.json:1:1: the file is empty; expected a JSON object: { "data": ..., "network": ..., "training": ... })"},
    {"{", R"(a.json:1:2: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {kBase.substr(0, kBase.size() - 2),
     R"(a.json:10:1: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {kBase + R"(})",
     R"(a.json:11:1: found "}" after the end of the config; is a { missing, or is there a } too many?)"},
    {kBase + R"("x")",
     R"(a.json:11:1: found a string after the end of the config; is a { missing, or is there a } too many?)"},
    {kBase + R"(/*)", R"(a.json:11:1: this comment has no end; a closing */ is missing)"},
    {"[", R"(a.json:1:2: the file ends inside the array that starts in line 1; a closing ] is missing)"},
    {"data:\n", R"(a.json:1:1: found "data", expected a {: a config is a JSON object)"},
    {"[]", R"(a.json:1:1: found an empty array, expected an object with "data", "network" and "training")"},
    // The parser's own message quotes the comment.
    {"// a colon is the object separator\nno",
     R"(a.json:2:1: found "no", expected a {: a config is a JSON object)"},
    {"\"x\"",
     R"(a.json:1:1: found the string "x", expected an object with "data", "network" and "training")"},
    {"3", R"(a.json:1:1: found 3, expected an object with "data", "network" and "training")"},
    {"null", R"(a.json:1:1: found null, expected an object with "data", "network" and "training")"},
    {"\"data\": {}",
     R"(a.json:1:7: found ":" after the end of the config; is a { missing, or is there a } too many?)"},
    {"{\"a\"",
     R"(a.json:1:5: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {"{\"a\":",
     R"(a.json:1:6: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {"{\"a\": 1",
     R"(a.json:1:8: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {"{\"a\": 1,",
     R"(a.json:1:9: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {"[1,", R"(a.json:1:4: the file ends inside the array that starts in line 1; a closing ] is missing)"},
    {"[1", R"(a.json:1:3: the file ends inside the array that starts in line 1; a closing ] is missing)"},
    {"{\"a\": \"b", R"(a.json:1:7: this string has no end; a closing " is missing)"},
    {"// x",
     R"(a.json:1:1: the file is empty; expected a JSON object: { "data": ..., "network": ..., "training": ... })"},
    {"/", R"(a.json:1:1: a single slash; comments start with // or /*)"},
    {"\xEF\xBB\xBF"
     "{\"a\": x}",
     R"(a.json:1:7: found "x", expected a value; strings need double quotes)"},
    {"{\"ä\": x}", R"(a.json:1:7: found "x", expected a value; strings need double quotes)"},
    {"{\"a\":\r\n x}", R"(a.json:2:2: found "x", expected a value; strings need double quotes)"},
    {"[}", R"(a.json:1:2: found "}", expected a value)"},
    {"{]", R"(a.json:1:2: found "]", expected a key in double quotes)"},
    {",", R"(a.json:1:1: found ",", expected a {: a config is a JSON object)"},
    {":", R"(a.json:1:1: found ":", expected a {: a config is a JSON object)"},
    {"}", R"(a.json:1:1: found "}", expected a {: a config is a JSON object)"},
    {"{\"a\": [1 2]}", R"(a.json:1:9: a comma is missing after this value)"},
    {"{\"a\": tru}", R"(a.json:1:7: found "tru", expected a value; strings need double quotes)"},
    {"{\"a\": nul", R"(a.json:1:7: found "nul", expected a value; strings need double quotes)"},
    {"\xEF\xBB\xBF"
     "",
     R"(a.json:1:1: the file is empty; expected a JSON object: { "data": ..., "network": ..., "training": ... })"},
};

struct Override {
  std::string assignment, message;
};

const Override kBadOverrides[] = {
    {R"(training.epoch=3)",
     R"(--set training.epoch=3: /training/epoch: unknown key (did you mean "epochs"?); training takes "epochs", "batch_size", "shuffle", "drop_last", "loss", "label_smoothing", "class_weights", "optimizer", "schedule", "clip_gradient_norm", "weight_averaging", "lookahead", "best", "early_stopping", "max_minutes", "filter", "initial_weights", "freeze", "on_non_finite", "checkpoint_minutes", "checkpoint_steps", "tensorboard")"},
    {R"(trainig.epochs=3)",
     R"(--set trainig.epochs=3: /trainig: unknown key (did you mean "training"?); the config takes "name", "seed", "data", "network", "training")"},
    {R"(network.3.unit=10)",
     R"(--set network.3.unit=10: /network/3/unit: unknown key (did you mean "units"?); dense takes "type", "name", "units", "bias", "activation", "weight_init", "bias_init", "trainable", "learning_rate_scale", "weight_decay_scale")"},
    {R"(network.4.units=10)",
     R"(--set network.4.units=10: "4" is not an element of network, an array of 4; give its number, 0 to 3, or its "name")"},
    {R"(network.conv1.units=10)",
     R"(--set network.conv1.units=10: "conv1" is not an element of network, an array of 4; give its number, 0 to 3, or its "name")"},
    {R"(network.-1.units=10)",
     R"(--set network.-1.units=10: "-1" is not an element of network, an array of 4; give its number, 0 to 3, or its "name")"},
    {R"(training.epochs=abc)",
     R"(--set training.epochs=abc: /training/epochs: found the string "abc", expected an integer >= 1)"},
    {R"(training.epochs=)",
     R"(--set training.epochs=: /training/epochs: found the string "", expected an integer >= 1)"},
    {R"(training.epochs)",
     R"(--set training.epochs: expected a path, = and a value, as in --set training.epochs=3)"},
    {R"()", R"(--set : expected a path, = and a value, as in --set training.epochs=3)"},
    {R"(=3)", R"(--set =3: expected a path, = and a value, as in --set training.epochs=3)"},
    {R"(.=3)",
     R"(--set .=3: an empty key before the =; expected keys joined by dots, as in --set training.epochs=3)"},
    {R"(training.=3)",
     R"(--set training.=3: an empty key before the =; expected keys joined by dots, as in --set training.epochs=3)"},
    {R"(training..epochs=3)",
     R"(--set training..epochs=3: an empty key before the =; expected keys joined by dots, as in --set training.epochs=3)"},
    {R"(/training/epochs=3)",
     R"(--set /training/epochs=3: expected keys joined by dots before the =, as in --set training.epochs=3)"},
    {R"(name=123)",
     R"(--set name=123: /name: found 123, expected a name on one line, without slashes (a string); for a string write --set 'name="123"')"},
    {R"(name=true)",
     R"(--set name=true: /name: found true, expected a name on one line, without slashes (a string); for a string write --set 'name="true"')"},
    {R"(training.optimizer={"type":"adam",)",
     R"(--set training.optimizer={"type":"adam",: not JSON at character 16 of the value: the file ends inside the object that starts in line 1; a closing } is missing)"},
    {R"(training.optimizer=[)",
     R"(--set training.optimizer=[: not JSON at character 2 of the value: the file ends inside the array that starts in line 1; a closing ] is missing)"},
    {R"(name="a)",
     R"(--set name="a: not JSON at character 1 of the value: this string has no end; a closing " is missing)"},
    {R"(training.epochs.x=3)", R"(--set training.epochs.x=3: training.epochs is 8; it has no key "x")"},
    {R"(training.schedule.gamma=0.5)",
     R"(--set training.schedule.gamma=0.5: /training/schedule/type: missing; expected one of "constant", "step", "exponential", "cosine", "one_cycle", "linear")"},
    {R"(training.optimizer.type=adamw2)",
     R"(--set training.optimizer.type=adamw2: /training/optimizer/type: found the string "adamw2", expected one of "sgd", "adam", "adamw", "muon" (did you mean "adamw"?))"},
    {R"(network.0={"type":"conv"})",
     R"(--set network.0={"type":"conv"}: /network/0/out_channels: missing; expected an integer >= 1
--set network.0={"type":"conv"}: /network/0/kernel_size: missing; expected an integer >= 1 or [height, width])"},
    {R"(training={})",
     R"(--set training={}: /training/epochs: missing; expected an integer >= 1
--set training={}: /training/batch_size: missing; expected an integer >= 1
--set training={}: /training/optimizer: missing; expected an object {"type": ...} with type one of "sgd", "adam", "adamw", "muon")"},
    {R"(data.image.height=0)",
     R"(--set data.image.height=0: /data/image/height: found 0, expected an integer >= 1)"},
    {R"(data.format=idx)",
     R"(FILE:2:41: /data/train: found the string "train", expected {"images": "<path>", "labels": "<path>"}, because format is "idx")"},
    {R"(data.train=)",
     R"(--set data.train=: /data/train: found an empty string, expected the path of a folder)"},
    {R"(training.epochs=1e400)",
     R"(--set training.epochs=1e400: not JSON at character 1 of the value: the number 1e400 is too large)"},
};

/// A config in a folder of its own.
class File {
 public:
  explicit File(const std::string& text = kBaseConfig) { std::ofstream(path(), std::ios::binary) << text; }
  std::filesystem::path path() const { return folder_.path() / "a.json"; }
  Config read(const std::vector<std::string>& overrides = {}) const { return read_config(path(), overrides); }
  std::string message(const std::vector<std::string>& overrides = {}) const {
    return message_of([&] { read(overrides); });
  }

 private:
  TemporaryFolder folder_;
};

TEST_CASE("syntax errors say what to do", "[config]") {
  for (const Mistake& mistake : kSyntaxMistakes) {
    INFO(mistake.to);
    CHECK(message_of([&] { config_of(edited(mistake.from, mistake.to)); }) == mistake.message);
  }
  for (const Text& text : kTexts) {
    INFO(text.text);
    CHECK(message_of([&] { config_of(text.text); }) == text.message);
  }
}

TEST_CASE("comments of both kinds, a byte order mark and CR LF are fine", "[config]") {
  const Config plain = config_of(kBase);
  CHECK(config_of("// a\n/* b\n \" { */" + kBase + "// end") == plain);
  CHECK(config_of(edited("\"epochs\": 8", "/* a */ \"epochs\" /* b */ : // c\n 8 /**/")) == plain);
  CHECK(config_of("\xEF\xBB\xBF" + kBase) == plain);
  std::string windows;
  for (char c : kBase) windows += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(config_of(windows) == plain);
}

TEST_CASE("positions are those of values and keys, whatever stands between them", "[config]") {
  const Document document = Document::parse(
      "\xEF\xBB\xBF{ /* \xC3\xA4 */ \"\xC3\xB6\": 1, // x: [,\n  \"list\" : [ 10 ,\t[true, null],{\"a/b~\": "
      "\"\\u0041\"} ]\n}",
      "a.json");
  CHECK(document.explain("", "m") == "a.json:1:1: m");
  CHECK(document.explain("/\xC3\xB6", "m") == "a.json:1:16: /\xC3\xB6: m");
  CHECK(document.explain_key("/\xC3\xB6", "m") == "a.json:1:11: /\xC3\xB6: m");
  CHECK(document.explain("/list", "m") == "a.json:2:12: /list: m");
  CHECK(document.explain_key("/list", "m") == "a.json:2:3: /list: m");
  CHECK(document.explain("/list/0", "m") == "a.json:2:14: /list/0: m");
  CHECK(document.explain("/list/1", "m") == "a.json:2:19: /list/1: m");
  CHECK(document.explain("/list/1/0", "m") == "a.json:2:20: /list/1/0: m");
  CHECK(document.explain("/list/1/1", "m") == "a.json:2:26: /list/1/1: m");
  CHECK(document.explain("/list/2/a~1b~0", "m") == "a.json:2:41: /list/2/a~1b~0: m");
  CHECK(document.explain_key("/list/2/a~1b~0", "m") == "a.json:2:33: /list/2/a~1b~0: m");
}

TEST_CASE("what is not in the file is at its nearest ancestor", "[config]") {
  const Document document = Document::parse(kBase, "a.json");
  CHECK(document.explain("/network/1/stride", "m") == "a.json:5:5: /network/1/stride: m");
  CHECK(document.explain_key("/network/1/stride", "m") == "a.json:5:5: /network/1/stride: m");
  CHECK(document.explain("/network/9/x/y", "m") == "a.json:3:14: /network/9/x/y: m");
  CHECK(document.explain("/network/x", "m") == "a.json:3:14: /network/x: m");
  CHECK(document.explain("/training/epochs/x", "m") == "a.json:9:26: /training/epochs/x: m");
}

TEST_CASE("a text of hostile bytes is an error and nothing worse", "[config]") {
  CHECK(message_of([] { config_of(std::string("{\0}", 3)); }) ==
        "a.json:1:2: a NUL byte; this is not a JSON text");
  CHECK(message_of([] { config_of(kBase + std::string("\0x", 2)); }) ==
        "a.json:11:1: a NUL byte; this is not a JSON text");
  CHECK(message_of([] { config_of("\xFF\xFE{"); }) == "a.json:1:1: this file is UTF-16; save it as UTF-8");
  CHECK(message_of([] { config_of("{\"a\": \"d\xE9\"}"); }) ==
        "a.json:1:9: the byte 0xE9 is not UTF-8; save the file as UTF-8");
  CHECK(message_of([] { config_of("{\"a\": \"\xFF\"}"); }) ==
        "a.json:1:8: the byte 0xFF is not UTF-8; save the file as UTF-8");
  CHECK(message_of([] { config_of("{\xE9: 1}"); }) ==
        "a.json:1:2: found \"\\xE9\", expected a key in double quotes");
  CHECK(message_of([] { config_of("\x89PNG\r\n"); }) ==
        "a.json:1:1: found \"\\x89\", expected a {: a config is a JSON object");
  // Every text that one wrong byte makes of a good one, and every beginning of it.
  for (std::size_t i = 0; i + 1 < kBase.size(); ++i) {  // without its last line feed the config is whole
    for (const char byte : {'\0', '"', '\\', '{', '}', ',', '\n', '\xC3', '/', '9'}) {
      std::string text = kBase;
      text[i] = byte;
      message_of([&] { config_of(text); });
    }
    CHECK(message_of([&] { config_of(kBase.substr(0, i)); }).starts_with("a.json:"));
  }
}

TEST_CASE("nesting has a limit, and the limit is not the stack", "[config]") {
  const auto nested = [](int levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(Document::parse(nested(kDeepestNesting), "a.json").root().items.size() == 1);
  CHECK(message_of([&] { Document::parse(nested(kDeepestNesting + 1), "a.json"); }) ==
        "a.json:1:101: more than 100 objects and arrays inside each other");
  CHECK(message_of([] { config_of(std::string(10'000'000, '[')); }) ==
        "a.json:1:101: more than 100 objects and arrays inside each other");
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  CHECK(message_of([&] { config_of(objects); }) ==
        "a.json:1:501: more than 100 objects and arrays inside each other");
}

TEST_CASE("numbers keep the digits they were written with", "[config]") {
  const Document document =
      Document::parse("[18446744073709551615, -9223372036854775808, 1e2, 0.10, -0, 1E+2]", "a");
  std::vector<std::string> texts;
  for (const JsonValue& item : document.root().items) texts.push_back(item.text);
  CHECK(texts == std::vector<std::string>{"18446744073709551615", "-9223372036854775808", "1e2", "0.10", "-0",
                                          "1E+2"});
}

TEST_CASE("--set replaces and adds values", "[config]") {
  const File file;
  CHECK(file.read({"training.epochs=3"}).training.epochs == 3);
  CHECK(file.read({"training.epochs=3", "training.epochs=4"}).training.epochs == 4);
  CHECK(std::get<DenseSpec>(file.read({"network.3.units=7"}).network[3].spec).units == 7);
  CHECK(std::get<StepSchedule>(
            file.read({"training.schedule.type=step", "training.schedule.gamma=0.5"}).training.schedule.shape)
            .gamma == 0.5);
  CHECK(std::get<AdamSpec>(
            file.read({R"(training.optimizer={"type": "adam", "learning_rate": 0.01})"}).training.optimizer)
            .learning_rate == 0.01);
  CHECK(file.read({"name=two words"}).name == "two words");
  CHECK(file.read({R"(name="123")"}).name == "123");
  CHECK(file.read({"name=a=b"}).name == "a=b");
  CHECK(std::get<FolderLocation>(file.read({"data.train=../x"}).data.train).folder ==
        file.path().parent_path().parent_path() / "x");
  CHECK_FALSE(file.read({R"(data.test=x)", "data.test=null"}).data.test);
}

TEST_CASE("mistakes in --set are told at the --set", "[config]") {
  const File file;
  for (const Override& bad : kBadOverrides) {
    INFO(bad.assignment);
    std::string message = bad.message;
    if (message.starts_with("FILE:")) message.replace(0, 4, file.path().string());
    CHECK(file.message({bad.assignment}) == message);
  }
  CHECK(file.message({"name=\xFF"}) ==
        "--set name=\\xFF: the value holds a control character or bytes that are not UTF-8");
  CHECK(file.message({"training.optimizer.learning_rate=0,003"})
            .ends_with("; write 0.003, with a decimal point"));
  CHECK(file.message({"name=a\nb"}) ==
        "--set name=a\\nb: the value holds a control character or bytes that are not UTF-8");
  CHECK_THAT(file.message({"data.image={\n\"channels\": 1,\n\"height\" 3}"}),
             ContainsSubstring("not JSON at character 10 of line 3 of the value: "));
  CHECK(file.read({"training.epochs=\n 3\r\n"}).training.epochs == 3);
  CHECK(
      file.read({"data.image={\n\t\"channels\": 1,\n\t\"height\": 5, \"width\": 6\n}\n"}).data.image.height ==
      5);
  CHECK(file.message({"n\nme=3"}) ==
        "--set n\\nme=3: expected keys joined by dots before the =, as in --set training.epochs=3");
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  CHECK_THAT(file.message({deep + "=1"}), ContainsSubstring("expected keys joined by dots"));
}

TEST_CASE("another type by --set says how to replace the whole object", "[config]") {
  const File file(edited("\"learning_rate\": 0.1", "\"learning_rate\": 0.1, \"momentum\": 0.9"));
  CHECK(
      file.message({"training.optimizer.type=adam"}) ==
      file.path().string() +
          R"(:9:98: /training/optimizer/momentum: unknown key: it belongs to sgd, muon, and the type comes from --set )"
          R"(training.optimizer.type=adam; replace the whole object instead, --set 'training.optimizer={"type": )"
          R"("adam", ...}'; adam takes "type", "learning_rate", "betas", "eps", "weight_decay", "decay_norm_and_bias")");
}

TEST_CASE("shapes that a network cannot have are explained at their key or their --set", "[config]") {
  const File file;
  const std::vector<std::string> overrides{"network.0.kernel_size=29"};
  const Document document = Document::read(file.path(), overrides);
  CHECK(document.explain("/network/0/kernel_size", "too large") ==
        "--set network.0.kernel_size=29: /network/0/kernel_size: too large");
  CHECK(document.explain("/network/1/kernel_size", "too large") ==
        file.path().string() + ":5:41: /network/1/kernel_size: too large");
}

TEST_CASE("what is not a config file is refused with its path", "[config]") {
  const TemporaryFolder folder;
  const auto message = [](const std::filesystem::path& path) {
    return message_of([&] { read_config(path); });
  };
  const std::string inside = (folder.path() / "x").string();
  CHECK(message(inside) == inside + ": there is no such file; give the path of a config (JSON)");
  CHECK(message(folder.path()) ==
        folder.path().string() + ": this is a folder; give the path of a config (JSON)");
  std::ofstream(folder.path() / "config.json") << kBase;
  CHECK(message(folder.path()) == folder.path().string() +
                                      ": this is a folder; give the path of a config (JSON), for example " +
                                      (folder.path() / "config.json").string());
  CHECK(message("/dev/null") == "/dev/null: this is not a regular file");
  std::filesystem::resize_file(folder.path() / "config.json", (16u << 20) + 1);
  CHECK(message(folder.path() / "config.json") ==
        (folder.path() / "config.json").string() + ": 16.0 MiB is too large for a config; give a JSON file");
  CHECK_THAT(message(folder.path() / "\xFF.json"), ContainsSubstring("/\\xFF.json: there is no such file"));
}

TEST_CASE("a file name that JSON cannot hold is written as it is shown, a folder is refused", "[config]") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "\xFF.json") << kBase;
  CHECK(read_config(folder.path() / "\xFF.json").name == "\\xFF");
  std::filesystem::create_directory(folder.path() / "\xFF");
  std::ofstream(folder.path() / "\xFF" / "a.json") << kBase;
  CHECK_THAT(message_of([&] { read_config(folder.path() / "\xFF" / "a.json"); }),
             ContainsSubstring(
                 "/\\xFF/train holds a control character or bytes that are not UTF-8; use another path"));
}

}  // namespace
}  // namespace cnn
