import Driver
@testable import ImagePreparation

/// Reads metadata: EXIF, XMP, an ICC profile, or a segment or text that may contain any of them. Traps if edited metadata are not upright,
/// do not have the right size, or change when they are edited once more.
///
/// The lowest two bits of the first byte select the form. For a profile, the next two select the channels of the image, and one more
/// selects 16 bits.
func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  switch start[0] & 3 {
  case 0: readEXIF(bytes)
  case 1: readXMP(bytes)
  case 2:
    let channels: [RowLayout.Channels] = [.rgb, .gray, .cmyk, .rgba]
    readProfile(bytes, channels[Int(start[0] >> 2 & 3)], bitDepth: start[0] & 16 == 0 ? 8 : 16)
  default:
    let types = PNGChunk.Metadata.allCases
    let chunk = PNGChunk(type: types[Int(start[0] >> 2) % types.count].rawValue, data: bytes)
    _ = LocationReader(exif: nil, xmp: nil, segments: [bytes[...]], chunks: [chunk])
    if let text = chunk.text { _ = PNGChunk.Text.metadata(in: [text]) }
    _ = PNGChunk.all(in: bytes)
  }
  return 0
}

let size = ImageSize(width: 640, height: 480)

func readEXIF(_ bytes: [UInt8]) {
  for withoutLocation in [false, true] {
    guard let edited = EXIFEditor(bytes, size: size, withoutLocation: withoutLocation) else { continue }
    precondition(edited.bytes.count <= bytes.count)
    let orientation = EXIFReader(edited.bytes.span).orientation
    precondition(orientation == nil || orientation == .upright, "kept as \(orientation!)")
    _ = LocationReader(exif: edited.bytes, xmp: nil)
  }
  let orientation = EXIFReader(bytes.span).orientation ?? .upright
  let color = EXIFColor(bytes)
  if let essential = EssentialEXIF(orientation: orientation, color: color).bytes {
    precondition((EXIFReader(essential.span).orientation ?? .upright) == orientation)
    if color?.declaration == .adobeRGB { precondition(EXIFColor(essential)?.declaration == .adobeRGB) }
  }
}

func readXMP(_ bytes: [UInt8]) {
  _ = LocationReader(exif: nil, xmp: bytes)
  guard let edited = XMPEditor(bytes, size: size) else { return }
  guard let again = XMPEditor(edited.bytes, size: size) else { fatalError("the edited packet cannot be read") }
  precondition(again.orientation == nil || again.orientation == .upright, "kept as \(again.orientation!)")
  precondition(again.removed.isEmpty, "still promises \(again.removed)")
}

/// Converts a small image. All instruction sets must give the same result.
func readProfile(_ bytes: [UInt8], _ channels: RowLayout.Channels, bitDepth: Int) {
  _ = ColorProfile.name(of: bytes)
  _ = ColorProfile.channels(of: bytes)
  var results: [Raster] = []
  for set in InstructionSet.available {
    guard
      let conversion = try? ProfileConversion(
        profile: bytes, channels: channels, bitDepth: bitDepth, kernels: KernelTable(set))
    else { return }
    var image = Raster(size: ImageSize(width: 37, height: 3), channels: channels, bitDepth: bitDepth)
    for index in image.bytes.indices { image.bytes[index] = UInt8(truncatingIfNeeded: index &* 151 &+ index >> 3) }
    results.append(conversion.convert(image))
  }
  precondition(results.allSatisfy { $0.bytes == results[0].bytes }, "the instruction sets disagree")
}

fuzz(read)
