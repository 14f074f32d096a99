extension ImagePreparer {
  /// The result of another process, if one has to do this; nil if this process does it. That is also so for HEIC and AVIF, because the
  /// helper process decodes them in isolation anyway.
  ///
  /// - Parameters:
  ///   - product: The product to make of the image.
  ///   - source: The image. A pipe is replaced by its content, because the kind of file is found by reading it.
  ///   - cancellation: Ends the other process.
  /// - Returns: The result, in which nothing is checked but lengths.
  /// - Throws: A ``PreparationError``; `helperFailed` if the image cannot be isolated. It is not decoded then.
  func isolated(
    _ product: IsolatedTask.Product, _ source: inout ImageSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult? {
    guard let isolation else { return nil }
    if isolation.scope == .memory {
      guard case .memory = source else { return nil }
    }
    let opened = try IsolatedSource(source, limits: limits, cancellation: cancellation)
    if opened.isCopy, source.isReadOnce { source = .descriptor(opened.descriptor, owner: opened) }
    if opened.needsHelper { return nil }
    var limits = limits
    limits.decodeHelper = nil
    return try isolation.workers.result(
      of: IsolatedTask(product: product, limits: limits, instructionSet: instructionSet), opened, cancellation)
  }
}
