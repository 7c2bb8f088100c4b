/**
 * Crawlers that collect pages to train AI models or to answer questions with them, by the names that they look for in
 * robots.txt. Source: https://github.com/ai-robots-txt/ai.robots.txt, where more are listed; these are the largest. Search
 * engines such as Googlebot, Bingbot and Applebot have other names.
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
