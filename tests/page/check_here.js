// The checks inside a page: their result is to be read in the element `checked`.

/** Runs the checks with the page's own data; also, that nothing was loaded. */
function checkHere(expected) {
  const data = JSON.parse(document.getElementById('network-data').textContent);
  const found = checks(new CnnNetwork(data), expected);
  for (const { name } of performance.getEntriesByType('resource')) found.push(`the page has asked for ${name}`);
  document.getElementById('checked').textContent = found.length === 0 ? 'all is as expected' : found.join('\n');
}

