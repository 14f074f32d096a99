// Runs one stage of the library once for each line on standard input, so that another process can take turns with this one.
//
//   measure prepare SOURCE DESTINATION LONG-SIDE THREADS [COMPRESSION [BITS]]  file to file, enlarged if it is smaller
//   measure pixels SOURCE LONG-SIDE                                     file to samples of 8 bits in memory, one thread
//   measure tensor SOURCE LONG-SIDE                                     file to the float32 planes of diffusers, one thread
//   measure decode SOURCE [PIXELS]                                      file to pixels at full size
//   measure describe SOURCE                                             headers
//   measure resize PIXELS WIDTH HEIGHT CHANNELS TO-WIDTH TO-HEIGHT DESTINATION [BITS]
//   measure latency SOURCE png|jpeg|webp|small|tensor|flat|restore|composite|strip  processor time between two looks at the flag, at full size
//   measure encode PIXELS WIDTH HEIGHT CHANNELS png:COMPRESSION|jpeg:SUBSAMPLING DESTINATION
//
// PIXELS is a file of samples of 8 bits, or of BITS bits (8 or 16), with the rows from the top and nothing else. The work is done once
// before the first line is read, so that caches are warm. Each line is answered by a line of JSON: the wall time and the CPU time of all
// threads in milliseconds, the bytes of the result, and, if there is a plan, the bytes of its buffers. GESSO_ISA selects the kernels.
import Ground
import ImagePreparation
import Synchronization

/// The outcome of one run.
struct Outcome {
  var outputBytes: Int
  var bufferBytes: Int?
  /// The longest processor time between two checks of the flag, and the processor time before these checks, in milliseconds.
  var longest: (gap: Double, after: Double)?
}

/// Ends the process with one line.
func fail(_ message: String) -> Never {
  let line = "measure: \(message)\n"
  _ = write(STDERR_FILENO, line, line.utf8.count)
  exit(1)
}

func contents(of path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { fail("cannot read \(path)") }
  defer { fclose(file) }
  fseek(file, 0, SEEK_END)
  let count = ftell(file)
  rewind(file)
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    initialized = fread(buffer.baseAddress, 1, count, file)
  }
}

func save(_ bytes: [UInt8], to path: String) {
  guard let file = fopen(path, "wb") else { fail("cannot write \(path)") }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else { fail("cannot write \(path)") }
}

func milliseconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1_000_000
}

/// The work that the arguments name.
func work(_ arguments: [String]) -> () throws -> Outcome {
  func argument(_ index: Int) -> String {
    guard index < arguments.count else { fail("too few arguments: \(arguments.joined(separator: " "))") }
    return arguments[index]
  }
  func number(_ index: Int) -> Int {
    guard let value = Int(argument(index)), value > 0 else { fail("\(argument(index)) is not a positive number") }
    return value
  }
  func pixels<Sample: FixedWidthInteger & UnsignedInteger & Sendable>(_: Sample.Type) -> PixelImage<Sample> {
    let bytes = contents(of: argument(1))
    guard bytes.count == number(2) * number(3) * number(4) * MemoryLayout<Sample>.size else {
      fail("\(argument(1)) has \(bytes.count) bytes, not those of \(number(2))x\(number(3))x\(number(4))")
    }
    let samples = bytes.withUnsafeBytes { Array($0.bindMemory(to: Sample.self)) }
    return PixelImage(size: ImageSize(width: number(2), height: number(3)), channels: number(4), samples: samples)
  }
  let preparer = ImagePreparer()

  switch arguments.first {
  case "prepare":
    let (source, destination) = (ImageSource.file(argument(1)), argument(2))
    let bits: Recipe.Bits? = arguments.count > 6 ? (number(6) == 16 ? .sixteen : .eight) : nil
    let output: Recipe.Output =
      destination.hasSuffix(".png")
      ? .png(compression: arguments.count > 5 ? compression(argument(5)) : .balanced, bits: bits) : .jpeg()
    let recipe = Recipe(size: .longestSide(number(3), enlarge: true), output: output)
    let preparer = ImagePreparer(limits: Limits(threads: number(4)))
    return {
      let image = try preparer.prepareBlocking(source, as: recipe)
      save(image.bytes, to: destination)
      return Outcome(outputBytes: image.bytes.count, bufferBytes: image.plan.bufferBytes)
    }
  case "pixels", "tensor":
    let (source, recipe) = (ImageSource.file(argument(1)), Recipe(size: .longestSide(number(2), enlarge: true)))
    let preparer = ImagePreparer(limits: Limits(threads: 1))
    if arguments[0] == "pixels" {
      return { Outcome(outputBytes: try preparer.pixelsBlocking(of: source, as: recipe).samples.count) }
    }
    return { Outcome(outputBytes: try preparer.tensorBlocking(of: source, as: recipe, .diffusers).values.count * 4) }
  case "decode":
    let source = ImageSource.file(argument(1))
    let destination = arguments.count > 2 ? arguments[2] : nil
    let preparer = ImagePreparer(limits: Limits(threads: 1))
    return {
      let samples = try preparer.pixelsBlocking(of: source, as: Recipe(size: .original)).samples
      if let destination { save(samples, to: destination) }
      return Outcome(outputBytes: samples.count)
    }
  case "describe":
    let source = ImageSource.file(argument(1))
    return { Outcome(outputBytes: try preparer.inspectBlocking(source).storedSize.pixelCount) }
  case "resize":
    let (size, destination) = (ImageSize(width: number(5), height: number(6)), argument(7))
    if arguments.count > 8, number(8) == 16 {
      let image = pixels(UInt16.self)
      save(image.resized(to: size).samples.withUnsafeBytes { Array($0) }, to: destination)
      return { Outcome(outputBytes: image.resized(to: size).samples.count * 2) }
    }
    let image = pixels(UInt8.self)
    save(image.resized(to: size).samples, to: destination)
    return { Outcome(outputBytes: image.resized(to: size).samples.count) }
  case "encode":
    let (image, form, destination) = (pixels(UInt8.self), argument(5).split(separator: ":"), argument(6))
    guard form.count == 2 else { fail("\(argument(5)) is not png:COMPRESSION or jpeg:SUBSAMPLING") }
    let encode: () throws -> [UInt8]
    if form[0] == "png" {
      let compression = compression(String(form[1]))
      encode = { try preparer.encodePNGBlocking(image, compression: compression) }
    } else {
      guard let subsampling = Recipe.Subsampling(rawValue: String(form[1])) else { fail("no subsampling \(form[1])") }
      encode = { try preparer.encodeJPEGBlocking(image, subsampling: subsampling) }
    }
    return {
      let bytes = try encode()
      save(bytes, to: destination)
      return Outcome(outputBytes: bytes.count)
    }
  case "latency": return latency(of: .file(argument(1)), as: argument(2))
  default: fail("the stages are prepare, pixels, tensor, decode, describe, resize, encode and latency")
  }
}

/// One thread's work at full size. Another thread samples how often the work has checked its flag.
func latency(of source: ImageSource, as form: String) -> () throws -> Outcome {
  #if os(Linux)
  let preparer = ImagePreparer(limits: Limits(maxMemory: 16 << 30, threads: 1))
  let work: (CancellationFlag) throws -> Int
  switch form {
  case "png", "jpeg", "webp", "flat", "small":
    let output: Recipe.Output =
      switch form {
      case "png": .png()
      case "jpeg", "small": .jpeg()
      case "webp": .webp()
      default: .auto()
      }
    let recipe = Recipe(size: form == "small" ? .longestSide(1536) : .original, output: output)
    work = { try preparer.prepareBlocking(source, as: recipe, cancellation: $0).bytes.count }
  case "tensor":
    work = { try preparer.tensorBlocking(of: source, as: Recipe(size: .original), cancellation: $0).values.count }
  case "restore", "composite":
    guard let prepared = try? preparer.prepareBlocking(source, as: Recipe(size: .longestSide(1536))) else {
      fail("cannot prepare it")
    }
    let (result, record) = (ImageSource.memory(prepared.bytes), prepared.geometry)
    work =
      form == "restore"
      ? { try preparer.restoreBlocking(result, onto: record, cancellation: $0).samples.count }
      : { try preparer.compositeBlocking(result, onto: source, by: record, feather: 9, cancellation: $0).samples.count }
  case "strip": work = { try preparer.strippedBlocking(source, cancellation: $0).bytes.count }
  default: fail("no form \(form)")
  }
  return {
    let flag = CancellationFlag()
    let isDone = Atomic(false)
    var clock = clockid_t()
    pthread_getcpuclockid(pthread_self(), &clock)
    let longest = Mutex((gap: 0.0, after: 0.0))
    let (watched, began) = (clock, milliseconds(clock))
    let watcher = WorkerThread {
      var (looks, last) = (0, began)
      while !isDone.load(ordering: .relaxed) {
        let (present, time) = (flag.looks, milliseconds(watched))
        if present == looks {
          longest.withLock { if time - last > $0.gap { $0 = (time - last, last - began) } }
        } else {
          // The flag was checked since the last sample. The time of that check is not known, because this thread may have slept for long.
          (looks, last) = (present, time)
        }
        usleep(100)
      }
    }
    guard let watcher else { fail("no thread") }
    let result = Result { try work(flag) }
    isDone.store(true, ordering: .relaxed)
    watcher.join()
    let count = try result.get()
    return Outcome(outputBytes: count, longest: longest.withLock { $0 })
  }
  #else
  fail("the processor time of one thread is read on Linux only")
  #endif
}

func compression(_ name: String) -> Recipe.Compression {
  guard let compression = Recipe.Compression(rawValue: name) else { fail("no compression \(name)") }
  return compression
}

/// Writes a line so that the reader of the pipe receives it at once.
func answer(_ line: String) {
  print(line)
  fflush(nil)
}

/// One run. It is a function of its own so that callgrind can count it without the start of the process.
@inline(never)
func runMeasured(_ work: () throws -> Outcome) throws -> Outcome { try work() }

@main
enum Measure {
  static func main() throws {
    let work = work(Array(CommandLine.arguments.dropFirst()))
    _ = try work()
    answer(#"{"ready":true}"#)
    while readLine() != nil {
      let (wall, cpu) = (milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_PROCESS_CPUTIME_ID))
      let outcome = try runMeasured(work)
      let (wallEnd, cpuEnd) = (milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_PROCESS_CPUTIME_ID))
      let buffers = outcome.bufferBytes.map { #","bufferBytes":\#($0)"# } ?? ""
      let gap = outcome.longest.map { #","gapMs":\#($0.gap),"afterMs":\#($0.after)"# } ?? ""
      answer(
        #"{"ms":\#(wallEnd - wall),"cpuMs":\#(cpuEnd - cpu),"outputBytes":\#(outcome.outputBytes)\#(buffers)\#(gap)}"#)
    }
  }
}
