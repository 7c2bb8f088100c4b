/** Numbers of examples in the specification of CommonMark 0.31.2, and in that of GFM 0.29. */
export interface Examples {
  readonly commonMark: readonly number[];
  readonly gfm: readonly number[];
}

/** The examples whose HTML is different here, on purpose, by the reason. */
export const DEVIATIONS: Readonly<Record<string, Examples>> = {
  'HTML that is not allowed is shown as text, with line breaks in a block': {
    commonMark: [
      ...[148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 163, 164, 165, 169, 170, 171],
      ...[172, 173, 174, 175, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191],
      ...[201, 308, 309, 475, 491, 494, 524, 536, 613, 614, 615, 616, 617, 619, 623, 625, 626, 627, 628, 629],
      ...[630, 631],
    ],
    gfm: [
      ...[118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 133, 134, 135, 139, 140, 141],
      ...[142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 170],
      ...[288, 289, 484, 501, 504, 533, 545, 636, 637, 638, 639, 640, 642, 646, 648, 651, 652, 653, 654, 655],
    ],
  },
  'a tag that is not closed is closed at its end': {
    commonMark: [344, 476, 477, 642, 643],
    gfm: [354, 485, 486, 657, 667, 668],
  },
  'an empty address is left out': { commonMark: [200, 485, 486, 487, 567], gfm: [169, 496, 497, 576] },
  'only http, https and mailto are linked': {
    commonMark: [596, 598, 599, 601],
    gfm: [605, 607, 608, 610, 633, 634, 635],
  },
  "addresses in plain text are linked, as in GFM's extension": {
    commonMark: [602, 608, 611, 612],
    gfm: [611, 617, 620, 621],
  },
  'a tag is linked': { commonMark: [64], gfm: [34] },
  'one tilde does not strike through, because it also means "about"': { commonMark: [], gfm: [491] },
  'an address in plain text ends at a parenthesis that it did not open': { commonMark: [], gfm: [626] },
  'an address in plain text may end with what looks like an entity but is none': {
    commonMark: [],
    gfm: [627],
  },
};
