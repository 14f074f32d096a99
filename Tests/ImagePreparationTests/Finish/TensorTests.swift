import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Tensors of small pictures are compared with those of NumPy (Fixtures/tensor/make.py).
@Suite("Tensors")
struct TensorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let source: String
    let name: String
    let format: TensorFormat
    var testDescription: String { "\(source) as \(name)" }
  }

  static let cases: [Case] = String(decoding: try! Fixtures.bytes("tensor/index.tsv"), as: UTF8.self)
    .split(separator: "\n").map { line in
      let fields = line.split(separator: "\t")
      let numbers = fields[3...].map { $0.split(separator: ",").map { Double($0)! } }
      let format = TensorFormat(
        layout: TensorFormat.Layout(rawValue: String(fields[2]))!, range: numbers[0][0]...numbers[0][1],
        mean: numbers[1], std: numbers[2])
      return Case(source: String(fields[0]), name: String(fields[1]), format: format)
    }

  static func tensor(of source: String, _ format: TensorFormat) throws -> Tensor {
    try ImagePreparer().tensorBlocking(of: .file(Fixtures.path("tensor/\(source).png")), format)
  }

  /// The values in a file of NumPy, after its header of 128 bytes.
  static func values(_ file: ArraySlice<UInt8>) -> [Float] {
    stride(from: file.startIndex, to: file.endIndex, by: 4).map { i in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(file[i + $1]) << (8 * $1) })
    }
  }

  @Test("tensors equal numpy's to one unit in the last place, in a file with numpy's own header", arguments: cases)
  func equalsNumPy(_ example: Case) throws {
    let expected = try Fixtures.bytes("tensor/\(example.source)-\(example.name).npy")
    let tensor = try Self.tensor(of: example.source, example.format)
    let file = tensor.npy
    #expect(file.count == expected.count)
    #expect(file.prefix(128) == expected.prefix(128))
    #expect(Self.values(file[128...]) == tensor.values)
    for (value, reference) in zip(tensor.values, Self.values(expected[128...])) {
      #expect(abs(value - reference) <= reference.ulp)
    }
  }

  @Test("tensors equal those that diffusers makes of the same pixels")
  func equalsDiffusers() throws {
    let expected = Self.values(try Fixtures.bytes("tensor/diffusers.npy")[128...])
    let tensor = try Self.tensor(of: "color", .diffusers)
    #expect(tensor.shape == [1, 3, 9, 13] && tensor.values.count == expected.count)
    #expect(zip(tensor.values, expected).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  /// A Python that has diffusers: the one of the test environment, or the one on the path.
  static let python: [String]? = [
    [Fixtures.folder.deletingLastPathComponent().appending(path: ".build/venv-tests/bin/python").path], ["python3"],
  ].first { (try? run($0 + ["-c", "import diffusers.image_processor"])) != nil }

  /// The output of a command; throws if the command fails.
  static func run(_ command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
  }

  @Test(
    "equal to 1e-6 to what the VaeImageProcessor of diffusers makes of a prepared photograph",
    .enabled(if: python != nil, "diffusers is not installed: pip install torch diffusers"))
  func equalsInstalledDiffusers() throws {
    let folder = TestFolder.url.appending(path: "gesso-diffusers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let recipe = Recipe(size: .longestSide(512, sides: .multiples(of: 16)), output: .png())
    let prepared = try ImagePreparer().prepareBlocking(
      .file(Fixtures.path("jpeg/forest.jpg")), as: recipe, tensor: .diffusers)
    let (image, tensor) = (folder.appending(path: "image.png"), folder.appending(path: "tensor.npy"))
    try Data(prepared.bytes).write(to: image)
    try Data(#require(prepared.tensor).npy).write(to: tensor)
    let script = """
      import sys
      import numpy as np
      from PIL import Image
      from diffusers.image_processor import VaeImageProcessor
      theirs = VaeImageProcessor(vae_scale_factor=1).preprocess(Image.open(sys.argv[1])).numpy()
      ours = np.load(sys.argv[2])
      assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
      print(np.abs(ours - theirs).max())
      """
    let printed = try Self.run(#require(Self.python) + ["-c", script, image.path, tensor.path])
    let difference = try #require(printed.split(separator: "\n").last.flatMap { Double($0) })
    print("diffusers: \(difference) apart at most")
    #expect(difference <= 1e-6)
  }

  @Test(
    "the library's call on pixels gives what a preparation gives, also of a photograph",
    arguments: [Recipe.Size.original, .longestSide(64)])
  func ofPixels(size: Recipe.Size) throws {
    let recipe = Recipe(size: size)
    let source = ImageSource.file(Fixtures.path("jpeg/brushes.jpg"))
    let pixels = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe, tensor: .diffusers)
    #expect(try prepared.tensor == pixels.tensor(.diffusers))
    #expect(try prepared.tensor == ImagePreparer().tensorBlocking(of: source, as: recipe, .diffusers))
    #expect(prepared.format == .jpeg)
  }

  @Test("transparency is flattened on the background")
  func background() throws {
    let pixel = PixelImage<UInt8>(size: ImageSize(width: 1, height: 1), channels: 4, samples: [9, 9, 9, 0])
    let red = BackgroundColor(red: 255, green: 0, blue: 51)
    #expect(try pixel.tensor(background: red).values == [1, 0, 0.2])
  }

  @Test(
    "formats without meaning are refused before anything is decoded",
    arguments: [
      TensorFormat(std: [0]), TensorFormat(mean: [1, 2]), TensorFormat(mean: []), TensorFormat(std: [.nan]),
      TensorFormat(range: 0 ... .infinity),
    ])
  func refused(_ format: TensorFormat) {
    let error = #expect(throws: PreparationError.self) {
      try ImagePreparer().prepareBlocking(.file("nothing.png"), tensor: format)
    }
    #expect(error?.code == .invalidRecipe)
  }
}
