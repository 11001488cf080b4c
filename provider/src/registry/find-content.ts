/** The tags that one content may have, the one it is given now first. */
export interface ContentTags {
  readonly contentTag: string;
  readonly earlierTags: readonly string[];
}

/** Looks for a content by each of its tags. The lookups are one call; the first tag that is there wins. */
export async function findContent<Image>(
  { contentTag, earlierTags }: ContentTags,
  find: (tag: string) => Promise<Image | undefined>,
): Promise<{ readonly image: Image; readonly tag: string } | undefined> {
  const tags = [contentTag, ...earlierTags];
  const images = await Promise.all(tags.map(find));
  return tags.flatMap((tag, i) => {
    const image = images[i];
    return image === undefined ? [] : [{ image, tag }];
  })[0];
}
