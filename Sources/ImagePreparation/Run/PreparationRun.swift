/// One image from its encoded bytes to the finished small image.
struct PreparationRun {
  /// The encoded bytes.
  let source: RepeatableSource
  /// What is wanted.
  var recipe: Recipe
  /// What is wanted of the pixels: a file, a tensor, or themselves.
  var product: OutputPlan.Product
  /// What it may take.
  let limits: Limits
  let kernels: KernelTable
  let cancellation: CancellationFlag?

  /// How the result is encoded, where a byte budget has settled that; nil for what the recipe says.
  var settled: OutputPlan.Settings?
  /// What is known of the source from an earlier read; nil to read it first where the recipe asks for that.
  var probe: SourceProbe?
  /// The time spent so far.
  var clock = StageClock()

  init(
    _ source: RepeatableSource, recipe: Recipe, product: OutputPlan.Product, limits: Limits,
    kernels: KernelTable, cancellation: CancellationFlag?
  ) {
    self.source = source
    self.recipe = recipe
    self.product = product
    self.limits = limits
    self.kernels = kernels
    self.cancellation = cancellation
  }

  /// Reads, plans, decodes, resizes and finishes; encodes, too, where that is done while rows come.
  ///
  /// - Throws: A ``PreparationError``.
  func finished() throws(PreparationError) -> FinishedImage {
    var clock = clock
    clock.enter(.open)
    try check()
    let probe = try probed()
    let decoder = try openedDecoder()
    let description = decoder.description
    let plan = try plan(description, decoder.structure, probe)
    let sink = try plan.output.makeSink(plan.decoding, kernels: kernels, cancellation: cancellation)
    // Neither decoder nor loop has a name, so that their buffers are gone before the image is finished.
    let result = try StripLoop(
      decoder.strips(plan.decoding, kernels: kernels), plan.makeResamplers(kernels), plan.makeMergedPlanes(),
      into: sink, threads: plan.threads, cancellation: cancellation
    ).run(&clock)
    if cancellation?.isCanceled == true { throw .canceled(.color) }
    return FinishedImage.finishing(
      result, of: description, plan: plan, probe: probe, kernels: kernels, cancellation: cancellation, clock: clock)
  }

  /// What ``finished()`` would do, without decoding anything but what the recipe needs to know of the pixels first.
  ///
  /// - Throws: A ``PreparationError``.
  func planned() throws(PreparationError) -> (source: ImageDescription, plan: PreparationPlan) {
    try check()
    let probe = try probed()
    let decoder = try openedDecoder()
    let description = decoder.description
    return (description, try plan(description, decoder.structure, probe))
  }

  /// Refuses what has no meaning, before the source is opened.
  private func check() throws(PreparationError) {
    try recipe.check()
    _ = try product.tensor?.tables()
  }

  private func openedDecoder() throws(PreparationError) -> SourceDecoder {
    try SourceDecoder(
      opening: source.input, limits: limits, policy: recipe.failOn, cancellation: cancellation)
  }

  private func plan(
    _ source: ImageDescription, _ structure: SourceDecoder.Structure, _ probe: SourceProbe
  ) throws(PreparationError) -> PreparationPlan {
    try PreparationPlan(
      source: source, codec: structure, recipe: recipe, limits: limits, settled: settled, product: product,
      instructionSet: kernels.instructionSet, probe: probe)
  }
}
