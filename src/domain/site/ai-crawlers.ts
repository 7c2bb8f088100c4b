/**
 * Crawlers that collect pages to train AI models or to answer questions, by their names in robots.txt. These are the largest;
 * https://github.com/ai-robots-txt/ai.robots.txt lists more. Search engines such as Googlebot, Bingbot and Applebot have other
 * names.
 */
export const AI_CRAWLERS: readonly string[] = [
  // OpenAI
  'GPTBot',
  'OAI-SearchBot',
  'ChatGPT-User',
  // Anthropic
  'ClaudeBot',
  'Claude-User',
  'Claude-SearchBot',
  // Google
  'Google-Extended',
  'Google-CloudVertexBot',
  // Apple
  'Applebot-Extended',
  // Meta
  'meta-externalagent',
  'meta-externalfetcher',
  // Others, most with the name of their operator. Bytespider is ByteDance's, CCBot is Common Crawl's.
  'AI2Bot',
  'Amazonbot',
  'Bytespider',
  'CCBot',
  'Diffbot',
  'DuckAssistBot',
  'MistralAI-User',
  'PerplexityBot',
  'Perplexity-User',
  'Webzio-Extended',
];
