/**
 * Crawlers that collect pages to train AI models or to answer questions with them, by the names to which they obey in
 * robots.txt. Sources: what their operators publish, which is linked, read in November 2026. A site that wants to be found
 * loses nothing: the operators' search engines have other names, such as Googlebot, Applebot and Bingbot.
 */
export const AI_CRAWLERS: readonly string[] = [
  // https://platform.openai.com/docs/bots
  'GPTBot',
  'OAI-SearchBot',
  'ChatGPT-User',
  // https://support.claude.com/en/articles/8896518
  'ClaudeBot',
  'Claude-User',
  'Claude-SearchBot',
  // https://developers.google.com/search/docs/crawling-indexing/google-common-crawlers
  'Google-Extended',
  'Google-CloudVertexBot',
  // https://support.apple.com/119829
  'Applebot-Extended',
  // https://developers.facebook.com/docs/sharing/webmasters/web-crawlers
  'meta-externalagent',
  'meta-externalfetcher',
  // https://developer.amazon.com/amazonbot
  'Amazonbot',
  // https://docs.perplexity.ai/guides/bots
  'PerplexityBot',
  'Perplexity-User',
  // https://docs.mistral.ai/robots
  'MistralAI-User',
  // https://duckduckgo.com/duckduckgo-help-pages/results/duckassistbot
  'DuckAssistBot',
  // https://commoncrawl.org/ccbot
  'CCBot',
  // https://allenai.org/crawler
  'AI2Bot',
  // https://docs.diffbot.com
  'Diffbot',
  // https://webz.io/bot.html
  'Webzio-Extended',
  // Published nowhere, but named in the logs of many sites: ByteDance's.
  'Bytespider',
];
