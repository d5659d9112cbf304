#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace cnn {

/// What a config is for.
enum class ConfigUse {
  run,    ///< a config that is run: says where its data are
  model,  ///< a config inside a model file: holds no paths
};

/// What all the readers of one document share: where paths start, and the mistakes found so far. Reading goes
/// on after a mistake, so that a user sees all of them at once.
class Reading {
 public:
  Reading(const Document& document, ConfigUse use) : document_(document), use_(use) {}

  const Document& document() const { return document_; }
  ConfigUse use() const { return use_; }
  void add_error(const std::string& pointer, const std::string& message, bool at_key = false);
  bool has_error_at(std::string_view pointer) const;
  /// A message has proposed this key instead of an unknown one: that it is missing need not be told as well.
  void add_proposal(const std::string& pointer) { proposals_.insert(pointer); }
  bool is_proposed(const std::string& pointer) const { return proposals_.count(pointer) > 0; }
  /// Throws Error (exit 2) if there were mistakes, one per line in the order of the file.
  void finish() const;

 private:
  struct Mistake {
    std::size_t order;
    std::string pointer;
    std::string text;
  };
  const Document& document_;
  ConfigUse use_;
  std::vector<Mistake> errors_;
  std::size_t untold_ = 0;  // mistakes beyond those kept
  std::set<std::string> proposals_;
};

/// A value of the document and the way to it. The functions that report a mistake return false, so that a
/// reader can say `return place.expected(...)`.
class Place {
 public:
  Place(Reading& reading, const JsonValue& value, std::string pointer)
      : reading_(&reading), value_(&value), pointer_(std::move(pointer)) {}

  Reading& reading() const { return *reading_; }
  const JsonValue& value() const { return *value_; }
  const std::string& pointer() const { return pointer_; }
  bool has(std::string_view key) const { return value_->find(key) != nullptr; }
  /// The member must exist.
  Place member(std::string_view key) const;
  Place element(std::size_t index) const;

  bool error(const std::string& message) const;
  bool error_at_member(std::string_view key, const std::string& message) const;
  /// The same, pointing at the key instead of its value.
  bool error_at_key(std::string_view key, const std::string& message) const;
  /// "found ..., expected <words>", and how to fix it: `advice`, or what the two say.
  bool expected(const std::string& words, std::string advice = "") const;

 private:
  Reading* reading_;
  const JsonValue* value_;
  std::string pointer_;
};

}  // namespace cnn
