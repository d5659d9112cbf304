#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace cnn {

/// A value of an enumeration and the word for it, in configs, on command lines and on pages.
template <class E>
struct Word {
  std::string_view word;
  E value;
};

/// Whether V is one of the values that E names: the compiler writes others as "(E)7".
template <class E, E V>
consteval bool is_named() {
  constexpr std::string_view function = __PRETTY_FUNCTION__;
  return function[function.rfind("V = ") + 4] != '(';
}

/// The words of E, in the order in which they are told. Does not compile unless every value has exactly one;
/// the values are those from 0 on.
template <class E, std::size_t N>
consteval std::array<Word<E>, N> all_words(const Word<E> (&words)[N]) {
  static_assert(is_named<E, static_cast<E>(N - 1)>(), "more words than values");
  static_assert(!is_named<E, static_cast<E>(N)>(), "a value has no word");
  std::array<Word<E>, N> all{};
  std::array<bool, N> seen{};
  for (std::size_t i = 0; i < N; ++i) {
    bool& is_seen = seen[static_cast<std::size_t>(words[i].value)];
    if (is_seen) throw "a value has two words";
    is_seen = true;
    all[i] = words[i];
  }
  return all;
}

/// The table of an enumeration, written beside it:
///
///     enum class Border { zero, reflect };
///     template <>
///     inline constexpr auto kWords<Border> =
///         all_words<Border>({{"zero", Border::zero}, {"reflect", Border::reflect}});
template <class E>
inline constexpr std::array<Word<E>, 0> kWords{};

template <class E>
constexpr std::string_view word_of(E value) {
  static_assert(!kWords<E>.empty(), "write the words of this enumeration beside it");
  for (const Word<E>& word : kWords<E>)
    if (word.value == value) return word.word;
  return {};
}

}  // namespace cnn
