/** Each promise of the product, and the test that proves it, by its title. `tests/lifecycle/promises.test.ts` fails on a title that is no test. */
export const promises: readonly (readonly [room: string, promise: string, tests: readonly string[]])[] = [
  [
    "Identity",
    "The context hash is over path, kind, exec bit and content or link text, and over nothing else.",
    ["does not depend on where the folder is, on times, or on permissions other than the exec bit", "tells any two lists of entries apart"],
  ],
  [
    "Identity",
    "What is shipped is exactly what was hashed, in one normal form.",
    [
      "ships what was hashed, as tar reads it: names, bytes, links, modes, owner and time",
      "makes the same bytes for the same content, wherever and whenever",
    ],
  ],
  [
    "Identity",
    "Tags, log level, project and the spelling of a path are no content.",
    ["finds the same content however a path is spelled, and whatever is no content"],
  ],
  [
    "Identity",
    "Volatile build args reach the build and are no content.",
    ["leaves volatile build args out of the content, and hands them to the build"],
  ],
  [
    "Repository",
    "An ECR URL says account and region; another host needs a custom endpoint.",
    ["reads account and region off an ECR host, in every partition"],
  ],
  [
    "Check",
    "All failures at once, each with its property, in preview already.",
    ["reports everything at once", "reports what is wrong in the preview already, and starts nothing"],
  ],
  ["Check", "Unknown values are fine everywhere.", ["takes unknown values anywhere, and then knows no content hash"]],
  ["Check", "Nothing is ever hashed as empty because of an error.", ["reports everything that is wrong at once, each with its property"]],
  ["Check", "A secret among the build args is warned of, and stays a secret.", ["keeps a secret a secret"]],
  [
    "Preview",
    "Unchanged: every output is its old, exact value, and no call is made.",
    ["builds, does nothing, shows a change, builds it, goes back, refreshes and destroys"],
  ],
  [
    "Preview",
    "What only a build can tell is unknown, never empty; what the registry can tell is exact.",
    ["previews: unknown what only a build can tell, exact what the registry can, and nothing is called but the registry"],
  ],
  [
    "Preview",
    "The preview says which files changed.",
    ["reuses what the registry has, and builds what it has not", "tells what changed, what is new and what is gone"],
  ],
  [
    "Diff",
    "A table: each property is ignored, updated, retagged or replaced; only the repository replaces.",
    ["has a row for every input"],
  ],
  [
    "Shipping",
    "What is in the bucket is not sent again; of a large context that changed little only the difference is.",
    [
      "ships no byte of a context that is there, whole or in parts, whichever image it was shipped for",
      "uploads a few kB for one changed file of tens of MB, and the image holds it",
    ],
  ],
  [
    "Shipping",
    "What the bucket holds can never make a wrong build: the tree is checked, and at worst the whole is shipped.",
    [
      "makes, from any base by any edits, the tree that the whole archive makes: names, kinds, modes, times, links and contents",
      "is built from the whole, in the same operation, when its base is damaged in a way that only the build can see",
      "is built from the whole when its base is deleted while the build waits",
      "is built once for two stacks at once, one of which finds a base and the other does not",
    ],
  ],
  [
    "Shipping",
    "A context that expired between check and build is shipped again.",
    ["is shipped again when it was deleted between check and build"],
  ],
  [
    "Create, Update",
    "Reuse, then adopt, then build; each seen in `outcome`.",
    [
      "reuses what the registry has, and builds what it has not",
      "adopts the build of a plugin that was killed",
      "creates: builds, follows, confirms, tags, and says so in the engine's log",
    ],
  ],
  [
    "Create, Update",
    "Two stacks at once get one build.",
    ["builds one time for two stacks that go up at once", "builds what two resources ask for at once one time"],
  ],
  ["Create, Update", "One build for each repository that lacks the content.", ["builds once for each of two repositories"]],
  [
    "Create, Update",
    "A change of tags alone retags, by PutImage, without a build.",
    ["moves tags without a build", "retags with BatchGetImage and PutImage alone"],
  ],
  [
    "Create, Update",
    "A tag that may not move is an error that names it, and the image is there.",
    ["names the tag that an immutable repository does not let go"],
  ],
  [
    "Create, Update",
    "Success only after ECR confirms digest, media type, platform and tag.",
    ["confirms what is there, and says what is wrong with what is not as expected"],
  ],
  ["Create, Update", 'With `onMissing: "fail"` nothing is built.', ["does not build where it must not"]],
  [
    "Read",
    "Only a definite not-found means gone; anything else is an error, and state stays.",
    [
      "reads: what is there stays, what is gone is gone, a moved tag is drift, and an error is none of these",
      "keeps state when a refresh is throttled, denied, expired or reset",
    ],
  ],
  ["Read", "A moved tag is drift, which the next up repairs.", ["repairs a moved tag"]],
  ["Read", "What is gone is built anew, or reused.", ["builds anew what is gone from the registry, after a refresh"]],
  [
    "Read",
    "A hundred images cost no call at all unchanged, and two when refreshed.",
    ["costs no call for a hundred unchanged images, and two for their refresh"],
  ],
  [
    "Import",
    "By digest and by tag; a program that declares the same content finds nothing to do.",
    ["imports by digest and by tag", "imports an image by its tag, and the program takes it over without a build"],
  ],
  [
    "Functions",
    "getImage finds by tag, digest and content hash, and waits for a push.",
    ["finds images by tag, digest and content hash, and waits for one that is pushed later"],
  ],
  [
    "Delete",
    "Keeps the image by default; deletes what is its own, never what another tag uses.",
    [
      "deletes nothing unless it is told to, and then only what is its own",
      "removes what a resource owns, and never an image that another tag is on",
    ],
  ],
  [
    "Delete",
    "A replacement moves to the other repository and keeps the image in the old one.",
    ["replaces for another repository, and keeps the old image"],
  ],
  [
    "Cancel, crash",
    "Ctrl-C stops the builds of this process within seconds.",
    [
      "stops the build on Ctrl-C within five seconds, and up ends",
      "stops its builds on Cancel, and answers the calls that come after",
      "stops its builds and is gone on SIGINT",
    ],
  ],
  [
    "Cancel, crash",
    "The engine gone without a word: the plugin leaves, and the build goes on.",
    ["leaves when the engine is gone, and leaves the build running"],
  ],
  [
    "Cancel, crash",
    "kill -9, then up: the running build is adopted, never doubled.",
    ["adopts the running build after kill -9 of the plugin: one build in all"],
  ],
  ["Cancel, crash", "Partial state is only for a stop that could not be confirmed.", ["remembers a build that could not be stopped"]],
  [
    "Cancel, crash",
    "A failed poll never fails a build; a log error never changes a result.",
    [
      "never fails a build because a call failed, and asks less often meanwhile",
      "goes on under throttling, resets and late tags, with one build",
    ],
  ],
  [
    "Failure",
    "The step and its last words, the phase, a link and what to do; once.",
    [
      "says which step failed and what it wrote, the phase and the log, and nothing of the build arguments",
      "fails with the step, its words, the phase and the log; and works when the Dockerfile is mended",
    ],
  ],
  [
    "Secrets",
    "Reach the build as mounts only; their values are in no state, plan, log, request, object, history or image.",
    ["reach the build, and nothing else holds their values"],
  ],
  [
    "Secrets",
    "Only their names are content.",
    ["are no part of the content but by their names: a rotated value builds nothing unless a trigger says so"],
  ],
  [
    "Own projects",
    "A project's own buildspec builds what it is told to, and is taken by its exported digest or its tag.",
    [
      "builds as the example does, and is told what to build and push",
      "is taken at its tag when it does not say the digest",
      "that pushes nothing is an error, however well it ends",
    ],
  ],
  [
    "Secrets",
    "A value is parked for its build and gone after it, whatever ends it.",
    [
      "by value are taken away after a failure, after Ctrl-C, and by whoever adopts the build after a crash",
      "that a crash left behind are swept when they are older than any build may be",
    ],
  ],
  [
    "Upgrade",
    "A state in the form of 0.1.0 goes on previewing clean.",
    ["${version} previews clean with the same program and the same files"],
  ],
];
