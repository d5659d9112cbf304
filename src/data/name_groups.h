#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "data/dataset.h"
#include "data/subset.h"

namespace cnn {

/// The images of a data set, in groups that must stay together.
struct NameGroups {
  std::vector<std::int64_t> group;  ///< of every image; numbered in the order of their first images
  std::int64_t groups = 0;
  std::int64_t matched = 0;  ///< images; the others are groups of one
};

/// What the expression of a `group_by` sees of an image. Of a folder with classes: the path below the folder
/// of the class ("scene 3/0007.jpg"; with leaf classes the name of the file only). Of a table: the path as it
/// stands there.
std::string name_in_class(const std::string& path, const DataLocation& location, ClassFolders class_folders);

/// Images belong together if the first match of the expression in their names has the same text: that of its
/// first group in parentheses if it has one and it took part, else the whole match. Across classes, too.
/// Throws Error (exit 2) if the expression is none.
NameGroups group_by_name(const std::vector<std::string>& names, const std::string& expression);

/// Holds back whole groups: of every class about held_back_of(its images, fraction), as closely as the groups
/// allow, but never all images of a class. Groups are taken in an order that the seed shuffles, each if it
/// brings the sum of the distances from those numbers down; then each class that has none yet gets the group
/// that disturbs them least. Throws Error if an image has no label, or nothing can be held back. Does not
/// depend on anything else.
Split grouped_split(const Dataset& dataset, const NameGroups& groups, double fraction, std::uint64_t seed);

/// What to say about such a split: how many groups and images were held back; a warning if the expression
/// matches nothing. `example`: the name of an image.
std::vector<std::string> group_notes(const NameGroups& groups, const Split& split,
                                     const std::string& expression, const std::string& example);

}  // namespace cnn
