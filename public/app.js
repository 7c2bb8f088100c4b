/** Enhancements of pages that work without scripts. */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Times in the reader's time zone and locale, dates in sentences as such. The exact time stays in `datetime` and `title`.

const WEEK = 7 * 24 * 60 * 60;
const UNITS = { day: 24 * 60 * 60, hour: 60 * 60, minute: 60 };
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

function tellTime(element) {
  const moment = new Date(element.dateTime);
  const seconds = (moment - Date.now()) / 1000;
  const [unit, size] = Object.entries(UNITS).find(([, size]) => Math.abs(seconds) >= size) ?? [
    'second',
    Infinity,
  ];
  const isNear = Math.abs(seconds) < WEEK && element.dataset.date === undefined;
  element.textContent = isNear ? relative.format(Math.trunc(seconds / size), unit) : day.format(moment);
  element.title = exact.format(moment);
  element.lang = exact.resolvedOptions().locale;
}

setInterval(() => all('time').forEach(tellTime), 60_000);

// Drafts are kept in the browser until the site has accepted them.

/** Undefined if the browser does not allow storage. Then drafts are not kept. */
function storage(name) {
  try {
    return globalThis[name];
  } catch {
    return undefined;
  }
}

const drafts = storage('localStorage');
const visit = storage('sessionStorage');
const [navigation] = performance.getEntriesByType('navigation');
const draftOf = (area) => `draft:${area.dataset.draft}:${location.pathname}`;
const sent = visit?.getItem('sent');
visit?.removeItem('sent');
// A redirect means that the text was accepted, unless it leads to the log-in page.
if (sent && navigation?.redirectCount > 0 && !location.pathname.startsWith('/auth/'))
  drafts?.removeItem(sent);

function restoreDraft(area) {
  const draft = drafts?.getItem(draftOf(area)) ?? null;
  if (draft === null || draft.trim() === area.value.trim()) return;
  const saved = area.value;
  area.value = draft;
  const note = document.createElement('p');
  note.className = 'message';
  note.role = 'status';
  note.append('Your unsaved text is back. ');
  const discard = document.createElement('button');
  discard.type = 'button';
  discard.className = 'link';
  discard.textContent = 'Discard it';
  discard.addEventListener('click', () => {
    drafts?.removeItem(draftOf(area));
    area.value = saved;
    note.remove();
    area.focus();
  });
  note.append(discard);
  area.before(note);
}

let isUnsaved = false;

addEventListener('input', ({ target }) => {
  if (target.localName !== 'textarea') return;
  isUnsaved = target.value !== target.defaultValue;
  if (target.dataset.draft === undefined) return;
  if (isUnsaved) drafts?.setItem(draftOf(target), target.value);
  else drafts?.removeItem(draftOf(target));
});

addEventListener('beforeunload', (event) => {
  if (isUnsaved) event.preventDefault();
});

// Some forms are sent without leaving the page. If that fails, they are sent normally.

// A field named `action` would shadow the property.
const actionOf = (form) => form.getAttribute('action') ?? location.href;

addEventListener('submit', async (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.getAttribute('method') !== 'post') return;
  if (submitter?.dataset.passkey && !form.elements.credential.value) {
    event.preventDefault();
    return askForPasskey(form, submitter);
  }
  const isPreview = submitter?.name === 'preview';
  if (isPreview || form.dataset.swap) {
    event.preventDefault();
    try {
      await sendWithin(form, submitter, isPreview ? showPreview : swap);
    } catch {
      sendPlainly(form, submitter);
    }
    return;
  }
  if (form.ariaBusy) return event.preventDefault(); // Ignore a second click.
  form.ariaBusy = 'true';
  isUnsaved = false;
  const area = form.querySelector('[data-draft]');
  if (area) visit?.setItem('sent', draftOf(area));
  if (actionOf(form) === '/auth/logout') {
    for (const key of Object.keys(drafts ?? {})) if (key.startsWith('draft:')) drafts.removeItem(key);
  }
});

addEventListener('pageshow', () => {
  for (const form of all('form[aria-busy]')) form.ariaBusy = null;
  for (const field of all('[name="credential"]')) field.value = ''; // Each answer works once.
});

// A button with `data-passkey` fetches options from there, asks the browser for a passkey, and sends the form with it.

const PASSKEY_FAULTS = {
  InvalidStateError: 'This device already has a passkey for your account.',
  SecurityError: 'Passkeys only work at the address that this site has on the internet.',
};

async function askForPasskey(form, button) {
  document.getElementById('credential-error')?.remove();
  button.disabled = true;
  try {
    const answer = await answerOf(button.dataset.passkey);
    button.disabled = false;
    if (answer === undefined) return location.reload();
    form.elements.credential.value = JSON.stringify(answer);
    form.requestSubmit(button);
  } catch ({ name }) {
    button.disabled = false;
    const isKnown = globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON !== undefined;
    const fault = isKnown
      ? 'No passkey was used. Please try again.'
      : 'This browser does not support passkeys.';
    const note = document.createElement('p');
    button.after(Object.assign(note, { id: 'credential-error', className: 'error', role: 'alert' }));
    note.textContent = PASSKEY_FAULTS[name] ?? fault;
  }
}

/** Undefined if the password has to be given again first. */
async function answerOf(url) {
  const response = await fetch(url, { method: 'POST' });
  if (response.redirected) return undefined;
  if (!response.ok) throw new Error(response.statusText);
  const options = await response.json();
  return 'user' in options
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

async function sendWithin(form, submitter, show) {
  const body = new URLSearchParams(new FormData(form, submitter));
  const response = await fetch(actionOf(form), { method: 'POST', body, headers: { accept: 'text/html' } });
  // If it is refused, send it normally, to show the page with the reason.
  if (!response.ok && response.status !== 422) throw new Error(response.statusText);
  const page = await readPage(response);
  if (!show(form, page)) location.assign(response.url);
}

// The only place where text becomes elements. It comes from this site, which could also send it as a page.
const pages = globalThis.trustedTypes?.createPolicy('pages', { createHTML: (html) => html });

async function readPage(response) {
  const html = await response.text();
  return new DOMParser().parseFromString(pages?.createHTML(html) ?? html, 'text/html');
}

function sendPlainly(form, submitter) {
  isUnsaved = false;
  if (submitter?.name) {
    const { name, value } = submitter;
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
  }
  HTMLFormElement.prototype.submit.call(form);
}

/** Replaces the element that the form names. The message comes with it, because the top of the page may be out of sight. */
function swap(form, page) {
  const older = document.getElementById(form.dataset.swap);
  const newer = page.getElementById(form.dataset.swap);
  if (!older || !newer) return false;
  for (const message of all('[data-flash]')) message.remove();
  newer.prepend(...all('[data-flash]', page));
  older.replaceWith(newer);
  enliven(newer);
  newer.querySelector('button')?.focus();
  return true;
}

/** Shows the preview instead of the field, until the button is pressed again. */
function showPreview(form, page) {
  const preview = page.querySelector('.preview');
  const refused = page.querySelector(`form[action="${actionOf(form)}"]`);
  if (!preview && refused) form.replaceWith(refused);
  refused?.querySelector('[autofocus]')?.focus();
  if (!preview) return Boolean(refused);
  const field = form.querySelector('.field:has(textarea)');
  const button = form.querySelector('[name="preview"]');
  const write = Object.assign(button.cloneNode(), { type: 'button', textContent: 'Write' });
  write.addEventListener('click', () => {
    preview.remove();
    field.hidden = false;
    write.replaceWith(button);
    field.querySelector('textarea').focus();
  });
  for (const older of all('.preview')) older.remove();
  field.before(preview);
  field.hidden = true;
  button.replaceWith(write);
  write.focus();
  return true;
}

// Images are chosen, pasted or dropped in the form of a post, described in a dialog, uploaded, and inserted as Markdown.

const UPLOADING = '![Uploading…]()';

function offerImages(link) {
  const dialog = document.getElementById('add-image');
  const area = link.closest('form').querySelector('textarea');
  const form = dialog.querySelector('form');
  const { file, alt, decorative } = form.elements;
  const fault = form.querySelector('[role="alert"]');
  let waiting = [];
  let isUploading = false;
  // Chromium forgets it when the dialog closes.
  let selection = [];

  const tell = (message) => {
    fault.textContent = message;
    fault.hidden = message === '';
  };
  const requireText = () => {
    alt.disabled = decorative.checked;
    alt.required = !decorative.checked;
  };
  const ask = (field) => {
    requireText();
    selection = [area.selectionStart, area.selectionEnd];
    dialog.showModal();
    field.focus();
  };
  const askNext = () => {
    if (dialog.open || isUploading || waiting.length === 0) return;
    const chosen = new DataTransfer();
    chosen.items.add(waiting.shift());
    file.files = chosen.files;
    ask(alt);
  };
  const take = (event, { files, types }) => {
    const images = [...files].filter(({ type }) => type.startsWith('image/'));
    // A spreadsheet's cells are also on the clipboard as an image.
    if (images.length === 0 || types.includes('text/plain')) return;
    event.preventDefault();
    waiting.push(...images);
    askNext();
  };
  const insert = (text, start, end, cursor) => {
    area.setRangeText(text, start, end, cursor);
    area.dispatchEvent(new Event('input', { bubbles: true }));
  };

  // Until the reader chooses another place, images go to the end.
  area.setSelectionRange(area.value.length, area.value.length);
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', className: 'secondary', textContent: link.textContent });
  link.replaceWith(button);
  button.addEventListener('click', () => isUploading || ask(file));
  area.addEventListener('paste', (event) => take(event, event.clipboardData));
  area.addEventListener('drop', (event) => take(event, event.dataTransfer));
  area.addEventListener('dragover', (event) => {
    if (event.dataTransfer.types.includes('Files')) event.preventDefault();
  });
  decorative.addEventListener('change', requireText);
  form.querySelector('[type="button"]').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    if (isUploading) return;
    waiting = [];
    area.setSelectionRange(...selection);
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const body = new FormData(form);
    isUploading = true;
    dialog.close();
    tell('');
    insert(UPLOADING, ...selection, 'end');
    area.setCustomValidity('Please wait until the image is uploaded.');
    const { markdown = '', message } = await upload(form.action, body);
    area.setCustomValidity('');
    const start = area.value.indexOf(UPLOADING);
    const end = start + UPLOADING.length;
    // `preserve` would select the Markdown if the cursor is still behind it.
    if (start !== -1) insert(markdown, start, end, area.selectionEnd === end ? 'end' : 'preserve');
    isUploading = false;
    if (message === undefined) form.reset();
    else {
      tell(message);
      ask(file);
    }
    askNext();
  });
}

/** Returns the image's Markdown, or a message. */
async function upload(action, body) {
  try {
    const response = await fetch(action, { method: 'POST', body, headers: { accept: 'application/json' } });
    return await response.json();
  } catch {
    return { message: 'The image could not be uploaded. Please try again.' };
  }
}

// A link with `data-form` shows the form of its page in the element that it names.

addEventListener('click', async (event) => {
  const link = event.target.closest('a[data-form]');
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const place = document.getElementById(link.dataset.form);
  const shown = place.querySelector('.composer');
  try {
    const page = await readPage(await fetch(link.href, { headers: { accept: 'text/html' } }));
    const form = page.querySelector('main .composer');
    const cancel = form.querySelector('.actions a');
    cancel.addEventListener('click', (click) => {
      click.preventDefault();
      form.remove();
      link.focus();
    });
    shown?.remove();
    place.append(form);
    enliven(form);
    form.querySelector('textarea').focus();
  } catch {
    location.assign(link.href);
  }
});

// While `@` and the beginning of a username are typed, a list offers the names that complete it.

const BEGINNING = /(?<![\p{L}\p{N}_&#@/])@([a-z][a-z0-9_.]{0,63})$/iu;
const PAUSE = 150;

/** The open list: its element, its field, and how many characters of the name are typed. */
let names;
let typed = 0;

addEventListener('input', ({ target }) => {
  if (target.matches('textarea[data-draft]')) complete(target);
});

async function complete(area) {
  typed += 1;
  const turn = typed;
  const [, beginning] = BEGINNING.exec(area.value.slice(0, area.selectionStart)) ?? [];
  if (!beginning) return closeNames();
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  if (turn !== typed) return;
  const [, post = ''] = /^\/post\/(\d+)/.exec(actionOf(area.form)) ?? [];
  const people = await findNames(new URLSearchParams(post ? { q: beginning, post } : { q: beginning }));
  if (turn !== typed || document.activeElement !== area) return;
  closeNames();
  if (people.length > 0) openNames(area, beginning, people);
}

async function findNames(query) {
  try {
    const response = await fetch(`/people/complete?${query}`, { headers: { accept: 'application/json' } });
    return response.ok ? (await response.json()).people : [];
  } catch {
    return [];
  }
}

function openNames(area, { length }, people) {
  const list = Object.assign(document.createElement('ul'), {
    className: 'names',
    id: 'names',
    role: 'listbox',
  });
  list.ariaLabel = 'People';
  for (const [index, { username, name }] of people.entries()) {
    const option = Object.assign(document.createElement('li'), { id: `name-${index}`, role: 'option' });
    option.dataset.username = username;
    option.append(
      username,
      ' ',
      Object.assign(document.createElement('span'), { className: 'quiet', textContent: name }),
    );
    list.append(option);
  }
  list.addEventListener('pointerdown', (event) => event.preventDefault()); // The field keeps the focus.
  list.addEventListener('click', ({ target }) => chooseName(target.closest('li')));
  names = { list, area, length };
  area.setAttribute('aria-controls', 'names');
  area.ariaAutoComplete = 'list';
  area.after(list);
  selectName(0);
}

function closeNames() {
  names?.list.remove();
  for (const attribute of ['controls', 'autocomplete', 'activedescendant']) {
    names?.area.removeAttribute(`aria-${attribute}`);
  }
  names = undefined;
}

/** Selects an option by its index; one after the last is the first again. */
function selectName(index) {
  const options = [...names.list.children];
  const selected = options.at(index % options.length);
  for (const option of options) option.ariaSelected = String(option === selected);
  names.area.setAttribute('aria-activedescendant', selected.id);
  selected.scrollIntoView({ block: 'nearest' });
}

function chooseName(option) {
  if (!option) return;
  const { area, length } = names;
  const end = area.selectionStart;
  area.setRangeText(`${option.dataset.username} `, end - length, end, 'end');
  closeNames();
  area.dispatchEvent(new Event('input', { bubbles: true }));
}

addEventListener('keydown', (event) => {
  if (names?.area !== event.target || event.isComposing || event.ctrlKey || event.metaKey || event.altKey)
    return;
  const options = [...names.list.children];
  const selected = options.findIndex(({ ariaSelected }) => ariaSelected === 'true');
  const act = {
    ArrowDown: () => selectName(selected + 1),
    ArrowUp: () => selectName(selected - 1),
    Enter: () => chooseName(options[selected]),
    Tab: () => chooseName(options[selected]),
    Escape: closeNames,
  }[event.key];
  if (!act || event.shiftKey) return;
  event.preventDefault();
  act();
});

addEventListener('focusout', ({ target }) => {
  if (names?.area === target) closeNames();
});

// An element with `data-refresh` is fetched again after that many milliseconds.

function keepFresh(element) {
  setTimeout(async () => {
    const newer = document.hidden ? undefined : await fetchAgain(element.id);
    if (newer === undefined || element.contains(document.activeElement)) return keepFresh(element);
    element.replaceWith(newer);
    enliven(newer);
  }, Number(element.dataset.refresh));
}

async function fetchAgain(id) {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    return response.ok ? ((await readPage(response)).getElementById(id) ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

// The bell's count follows the site while the page is visible. Without it, it is right on the next page.

const bell = document.querySelector('.bell');
let unread;

function watchUnread() {
  unread?.close();
  if (document.hidden) return;
  unread = new EventSource('/notifications/events');
  unread.addEventListener('message', ({ data }) => {
    const { count, label } = JSON.parse(data);
    bell.ariaLabel = label;
    bell.querySelector('.count').textContent = count;
  });
  unread.addEventListener('stop', () => unread.close());
}

// Not on pages that are left again at once.
if (bell)
  setTimeout(() => {
    watchUnread();
    document.addEventListener('visibilitychange', watchUnread);
  }, 2_000);

function enliven(root) {
  all('time', root).forEach(tellTime);
  all('[data-draft]', root).forEach(restoreDraft);
  if (root.dataset?.refresh !== undefined) keepFresh(root);
  all('[data-refresh]', root).forEach(keepFresh);
}

enliven(document);
all('[data-add-image]').forEach(offerImages);
