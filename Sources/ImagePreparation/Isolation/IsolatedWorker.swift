internal import CImageCodecs
internal import Ground

/// The other side of a ``WorkerPool``: a process that waits for images, and begins a process of its own for each.
package enum IsolatedWorker {
  /// The argument that the program is started with.
  package static let argument = "decode-in-isolation"

  /// True in a process that a ``WorkerPool`` has started. A user can give the argument too, but such a process does not have the socket.
  package static var isWanted: Bool {
    CommandLine.arguments.dropFirst() == [argument] && cic_is_socket(Int32(GD_SOCKET))
  }

  /// Carries out tasks until the other side ends. It must be called before the process has a second thread.
  ///
  /// - Parameters:
  ///   - coder: Reads tasks and writes results.
  ///   - words: The remedy of an error in one line.
  ///   - carryOut: Carries out a task; a test of the protections passes another one.
  package static func serve(
    _ coder: some IsolationCoder, words: (Remedy) -> String,
    carryOut: (IsolatedTask, ImageSource) throws(PreparationError) -> IsolatedResult = {
      task, source throws(PreparationError) in
      try ImagePreparer(instructionSet: task.instructionSet, limits: task.limits).result(of: task.product, source)
    }
  ) -> Never {
    warmUp(coder)
    cic_worker_begin()
    var (source, socket): (Int32, Int32) = (-1, -1)
    unsafe cic_worker_next(&source, &socket)
    // From here on the code runs in a process for one image, with all protections in place.
    while let task = coder.value(IsolatedTask.self, in: nextTask(from: socket)) {
      do throws(PreparationError) {
        let result = try carryOut(task, .descriptor(source))
        send(coder.bytes(of: result.record), result.parts, CW_RESULT, to: socket)
      } catch {
        send(coder.bytes(of: IsolatedFailure(error, words)), [], CW_ERROR, to: socket)
      }
    }
    cic_worker_end()
  }

  /// The bytes of the next task on the image. Ends the process if there is none.
  private static func nextTask(from socket: Int32) -> [UInt8] {
    let count = unsafe bytes(MemoryLayout<UInt32>.size, of: socket).withUnsafeBytes { unsafe $0.load(as: UInt32.self) }
    return bytes(Int(count), of: socket)
  }

  /// Opens the libraries that would otherwise be opened at their first use, and does the work that would otherwise be repeated in the
  /// process of each image: each image of this work is made of the one before it, so that their kinds are decoded too.
  private static func warmUp(_ coder: some IsolationCoder) {
    _ = LibraryVersions.libtiff
    _ = LibraryVersions.libwebp
    var limits = Limits()
    limits.threads = 1
    let pixels = PixelImage<UInt8>(
      size: ImageSize(width: 160, height: 160), channels: 3, samples: [UInt8](repeating: 127, count: 76_800))
    let preparer = ImagePreparer(limits: limits)
    guard var file = try? preparer.encodePNGBlocking(pixels) else { return }
    for (output, side) in [(Recipe.Output.jpeg(), 120), (.png(), 80), (.webp(), 60), (.jpeg(), 40)] {
      let task = IsolatedTask(
        product: .image(Recipe(size: .longestSide(side), output: output), nil), limits: limits,
        instructionSet: preparer.instructionSet)
      guard let bytes = coder.bytes(of: task), let task = coder.value(IsolatedTask.self, in: bytes),
        let result = try? preparer.result(of: task.product, .memory(file))
      else { continue }
      _ = coder.bytes(of: result.record)
      file = result.parts[0]
    }
  }

  private static func bytes(_ count: Int, of descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < count {
      let got = unsafe read(descriptor, &buffer, min(buffer.count, count - bytes.count))
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { cic_worker_end() }
      bytes += buffer[..<got]
    }
    return bytes
  }

  /// Sends a reply. A failure is ignored, because it means that the other side has ended.
  private static func send(_ record: [UInt8]?, _ parts: [[UInt8]], _ kind: some BinaryInteger, to descriptor: Int32) {
    guard let record else { return }
    let counts = (0..<Int(CW_PARTS)).map { UInt64($0 < parts.count ? parts[$0].count : 0) }
    let head = cic_worker_reply(
      magic: UInt32(CW_MAGIC), kind: UInt32(kind), record_bytes: UInt64(record.count),
      part_bytes: (counts[0], counts[1], counts[2]))
    do throws(FileFailure) {
      try writeAll(unsafe withUnsafeBytes(of: head) { unsafe Array($0) }, to: descriptor, name: "the reply")
      for bytes in [record] + parts { try writeAll(bytes, to: descriptor, name: "the reply") }
    } catch {
      cic_worker_end()
    }
  }
}

extension ImagePreparer {
  /// Carries out a task, in the process that was started for it.
  package func result(of product: IsolatedTask.Product, _ source: ImageSource) throws(PreparationError)
    -> IsolatedResult
  {
    switch product {
    case .description: return IsolatedResult(try inspectBlocking(source))
    case .plan(let recipe, let tensor):
      let (description, plan) = try planBlocking(of: source, as: recipe, tensor: tensor)
      return IsolatedResult(description, plan)
    case .image(let recipe, let tensor):
      return IsolatedResult(try prepareBlocking(source, as: recipe, tensor: tensor))
    case .pixels(let recipe): return IsolatedResult(try pixelsBlocking(of: source, as: recipe))
    case .tensor(let recipe, let format): return IsolatedResult(try tensorBlocking(of: source, as: recipe, format))
    case .stripped(let keepsLook): return IsolatedResult(try strippedBlocking(source, keepsLook: keepsLook))
    }
  }
}
