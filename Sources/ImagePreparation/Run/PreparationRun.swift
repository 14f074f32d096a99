/// One execution of a plan: from the encoded bytes of an image to the finished small image.
struct PreparationRun {
  /// The encoded bytes.
  let source: ImageSource
  /// The recipe.
  var recipe: Recipe
  /// The product: a file, a tensor, or pixels.
  var product: OutputPlan.Product
  /// The limits of the run.
  let limits: Limits
  let kernels: KernelTable
  let cancellation: CancellationFlag?

  /// The settings of the encoder that a search for a byte budget has chosen; nil for the recipe's.
  var settled: OutputPlan.Settings?
  /// The findings of an earlier read of the source; nil to read it first if the recipe needs that.
  var probe: SourceProbe?
  /// The time spent so far.
  var clock = StageClock()
  /// Called with each plan of ``finished()`` before a pixel is decoded. Its error ends the run.
  var admit: (PreparationPlan) throws(PreparationError) -> Void = { _ in }

  init(
    _ source: ImageSource, recipe: Recipe, product: OutputPlan.Product, limits: Limits,
    kernels: KernelTable, cancellation: CancellationFlag?
  ) {
    self.source = source
    self.recipe = recipe
    self.product = product
    self.limits = limits
    self.kernels = kernels
    self.cancellation = cancellation
  }

  /// Reads, plans, decodes, resizes and finishes. If the plan encodes rows while they arrive, encodes as well.
  ///
  /// - Throws: A ``PreparationError``.
  func finished() throws(PreparationError) -> FinishedImage {
    var clock = clock
    clock.enter(.open)
    try check()
    let probe = try probed()
    let decoder = try openedDecoder()
    var description = decoder.description
    var plan = try plan(description, decoder.structure, probe)
    try admit(plan)
    var loop = try resized(decoder, plan, &clock)
    if loop == nil {
      // The plan is made again too, because the file may have been replaced meanwhile.
      let decoder = try openedDecoder()
      description = decoder.description
      plan = try self.plan(description, decoder.structure, probe)
      plan.decoding.independentStrips = nil
      try admit(plan)
      loop = try resized(decoder, plan, &clock)
    }
    // The variable would keep the image of the loop while the steps make others of it.
    guard let result = loop.take() else { preconditionFailure("a file that is decoded in order") }
    if cancellation?.isCanceled == true { throw .canceled(.color) }
    return try FinishedImage.finishing(
      consume result, of: description, plan: plan, probe: probe, kernels: kernels, cancellation: cancellation,
      clock: clock)
  }

  /// Decodes, resizes and, if the plan encodes rows while they arrive, encodes; nil if the file has to be decoded in order. The buffers of
  /// the decoder and of the loop are freed.
  private func resized(
    _ decoder: consuming SourceDecoder, _ plan: PreparationPlan, _ clock: inout StageClock
  ) throws(PreparationError) -> StripLoop.Result? {
    let sink = try plan.output.makeSink(plan.decoding, kernels: kernels, cancellation: cancellation)
    return try StripLoop(
      decoder.strips(plan.decoding, kernels: kernels), plan.makeResamplers(kernels), plan.makeMergedPlanes(kernels),
      into: sink, threads: plan.threads, cancellation: cancellation
    ).run(&clock)
  }

  /// The plan of ``finished()``. Pixels are decoded only if the recipe needs a first read.
  ///
  /// - Throws: A ``PreparationError``.
  func planned() throws(PreparationError) -> (source: ImageDescription, plan: PreparationPlan) {
    try check()
    let probe = try probed()
    let decoder = try openedDecoder()
    let description = decoder.description
    return (description, try plan(description, decoder.structure, probe))
  }

  /// Checks the recipe and the product before the source is opened.
  private func check() throws(PreparationError) {
    try recipe.check()
    _ = try product.tensor?.tables()
  }

  private func openedDecoder() throws(PreparationError) -> SourceDecoder {
    try SourceDecoder(
      opening: source, limits: limits, policy: recipe.failOn, cancellation: cancellation)
  }

  private func plan(
    _ source: ImageDescription, _ structure: SourceStructure, _ probe: SourceProbe
  ) throws(PreparationError) -> PreparationPlan {
    try PreparationPlan(
      source: source, codec: structure, recipe: recipe, limits: limits, settled: settled, product: product,
      kernels: kernels, probe: probe)
  }
}
