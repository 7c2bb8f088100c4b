import { type Static, Type } from 'typebox';

/** The logo's colours. The style sheet has the shades for links and buttons, in light and dark mode. */
export const COLOURS = {
  red: '#9b2a25',
  orange: '#8c4411',
  olive: '#5e5f11',
  green: '#1c6c31',
  teal: '#136868',
  blue: '#225b9f',
  violet: '#6a3fa3',
  pink: '#962a67',
} as const;

export type Colour = keyof typeof COLOURS;

export const COLOUR_NAMES = Object.keys(COLOURS) as Colour[];

/** Who may register: everyone, those a moderator approves, those with an invitation, or nobody. */
const REGISTRATION_MODES = ['open', 'approval', 'invitation', 'closed'] as const;

/** Who may read through the API: those with an account, or everyone. */
const API_READERS = ['members', 'everyone'] as const;

/** What robots.txt tells AI crawlers. */
const CRAWLER_RULES = ['allow', 'disallow'] as const;

/** Whether visitors can subscribe to people's posts by email, and get them. */
const EMAIL_SUBSCRIPTIONS = ['on', 'off'] as const;

/** The most links in the footer. */
const MAX_LINKS = 10;

const oneOf = <const Choices extends string[]>(choices: readonly [...Choices]) =>
  Type.Enum(choices, { messages: { enum: `Choose one of: ${choices.join(', ')}.` } });

const line = (minLength: number, maxLength: number) =>
  Type.String({
    minLength,
    maxLength,
    pattern: '^\\P{Cc}*$',
    messages: { pattern: 'Enter one line of text.' },
  });

/** The settings as they are entered, in the form or after `npm run admin -- settings set`. */
export const SettingsFields = Type.Object({
  /** Shown in titles, mails and feeds. */
  name: line(1, 50),
  /** Shown to visitors on the home page. */
  tagline: line(0, 200),
  /** For search engines and link previews. */
  description: line(1, 200),
  /** The colour of the logo, links and buttons. */
  colour: oneOf(COLOUR_NAMES),
  /** A language tag (RFC 5646) for browsers, screen readers and the search. */
  language: Type.String({
    maxLength: 35,
    pattern: '^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$',
    messages: { pattern: 'Enter a language tag, such as en or de-AT.' },
  }),
  registration: oneOf(REGISTRATION_MODES),
  /** The minimum number of seconds between showing the registration form and receiving it; 0 for none. */
  delay: Type.String({
    pattern: '^(?:\\d|[1-5]\\d|60)$',
    messages: { pattern: 'Enter a whole number from 0 to 60.' },
  }),
  /** Links in the footer: a label and a URL per line. */
  links: Type.String({
    pattern: `^(?:\\P{Cc}{1,40} (?=\\S{1,200}(?:\n|$))https?://[^\\s/?#@]+(?:[/?#]\\S*)?(?:\n|$)){0,${MAX_LINKS}}$`,
    messages: {
      pattern: `Enter at most ${MAX_LINKS} lines, each with a label of up to 40 characters, a space, and a URL of up to 200 characters that begins with https:// or http://.`,
    },
  }),
  api: oneOf(API_READERS),
  crawlers: oneOf(CRAWLER_RULES),
  email_subscriptions: oneOf(EMAIL_SUBSCRIPTIONS),
});

export type TypedSettings = Static<typeof SettingsFields>;

export type SettingName = keyof TypedSettings;

export const SETTING_NAMES = Object.keys(SettingsFields.properties) as readonly SettingName[];
