import { faker } from '@faker-js/faker';

/** The tags of posts. There are few, so that each has many posts. */
const TAGS = 'bread books chess code coffee cycling film gardening history music photography travel'.split(
  ' ',
);

/** Makes up a post. Two in three have a title. Most have tags, which are added or at the end of the text. */
export function makePost(): { title: string | null; body: string; added: string } {
  const tags = faker.helpers.arrayElements(TAGS, { min: 0, max: 3 });
  const added = faker.helpers.arrayElements(tags);
  const inText = tags.filter((tag) => !added.includes(tag)).map((tag) => `#${tag}`);
  return {
    title: faker.datatype.boolean(2 / 3) ? faker.lorem.sentence({ min: 2, max: 7 }).slice(0, -1) : null,
    body: [makeText(), inText.join(' ')].join('\n\n').trim(),
    added: added.join(' '),
  };
}

function makeText(): string {
  const paragraphs = faker.lorem.paragraphs({ min: 1, max: 3 }, '\n\n');
  return faker.helpers.arrayElement([
    paragraphs,
    `${paragraphs}\n\n## ${faker.lorem.sentence(4)}\n\n${faker.lorem.paragraphs(5, '\n\n')}`,
    `${paragraphs}\n\n- ${faker.lorem.words(3)}\n- ${faker.lorem.words(3)}\n- *${faker.lorem.words(2)}*`,
    `> ${faker.lorem.sentence()}\n\n${paragraphs} See ${faker.internet.url()} for more.`,
    `${faker.lorem.sentence()} \`${faker.hacker.abbreviation()}\` **${faker.hacker.noun()}**`,
  ]);
}
