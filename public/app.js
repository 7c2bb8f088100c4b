/** What pages can do without, made livelier. */

/** Keeps what changes by itself up to date: an element with `data-refresh` is fetched again after that many ms. */
function keepFresh(element) {
  const { refresh } = element.dataset;
  if (refresh === undefined) return;
  setTimeout(async () => {
    const newer = document.hidden ? undefined : await fetchAgain(element.id);
    if (newer === undefined || element.contains(document.activeElement)) return keepFresh(element);
    element.replaceWith(newer);
    keepFresh(newer);
  }, Number(refresh));
}

/** The element of this id on the page as it is now; undefined when the page cannot be fetched. */
async function fetchAgain(id) {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (!response.ok) return undefined;
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    return page.getElementById(id) ?? undefined;
  } catch {
    return undefined;
  }
}

for (const element of document.querySelectorAll('[data-refresh]')) keepFresh(element);
