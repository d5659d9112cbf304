/**
 * Makes an element. A function as an attribute is a listener: {onclick: ...}. Attributes that are null, undefined
 * or false are left out, and true stands for an attribute without a value.
 * @param {string} tag
 * @param {Object<string, *>} attributes
 * @param {...(Node|string)} children  text is never read as markup
 * @returns {HTMLElement}
 */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

/** A paragraph. @param {string} text @param {string=} className */
function paragraph(text, className) {
  return element('p', { class: className }, text);
}

/** Changes the text of an element, and nothing if it is the same: the browser need not lay it out again. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  return document.getElementById(id);
}
