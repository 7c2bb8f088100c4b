/** An example whose HTML is different here, on purpose, and why. By its number in the specification. */
export const DEVIATIONS: Readonly<Record<string, readonly number[]>> = {
  'HTML that is not allowed is shown as text, with line breaks in a block': [
    ...[148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 163, 164, 165, 169, 170, 171],
    ...[172, 173, 174, 175, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191],
    ...[201, 308, 309, 475, 491, 494, 524, 536, 613, 614, 615, 616, 617, 619, 623, 625, 626, 627, 628, 629],
    ...[630, 631],
  ],
  'a tag that is not closed is closed at its end': [344, 476, 477, 642, 643],
  'an empty address is left out': [200, 485, 486, 487, 567],
  'only http, https and mailto are linked': [596, 598, 599, 601],
  'addresses in plain text are linked, as in GFM': [602, 608, 611, 612],
  'a tag is linked': [64],
};
