import CZlib
import Foundation

@testable import ImagePreparation
import TestSupport
import Testing

/// Tests whether a location in metadata is found: in EXIF, in XMP in each of its forms, and in every carrier of EXIF and XMP.
@Suite("Location")
struct LocationTests {
  /// A file, and the location that it contains.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let hasGPS: Bool
    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], hasGPS: Bool = true) {
      self.name = name
      self.bytes = bytes
      self.hasGPS = hasGPS
    }
  }

  // MARK: Metadata

  static let exifNamespace = "http://ns.adobe.com/exif/1.0/"
  static let xmpTag = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
  static let exifTag = Array("Exif\0\0".utf8)

  /// A packet with attributes and elements in its description.
  static func packet(_ attributes: String = "", _ elements: String = "", start: String = "\u{FEFF}") -> String {
    """
    <?xpacket begin="\(start)" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
    xmlns:dc="http://purl.org/dc/elements/1.1/" \(attributes)>\(elements)</rdf:Description></rdf:RDF></x:xmpmeta>\
    <?xpacket end="w"?>
    """
  }

  static let position = packet(
    #"xmlns:exif="\#(exifNamespace)" exif:GPSLatitude="42,54.0N" exif:GPSLongitude="2,24.0W""#)

  /// A TIFF structure with a GPS directory that holds one reference.
  static let tiff: [UInt8] =
    Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0, 0x25, 0x88, 4, 0, 1, 0, 0, 0, 26, 0, 0, 0, 0, 0, 0, 0]
    + [1, 0, 1, 0, 2, 0, 2, 0, 0, 0] + Array("N\0\0\0".utf8) + [0, 0, 0, 0]

  // MARK: Files

  static func jpeg(_ segments: [[UInt8]]) throws -> [UInt8] {
    JPEGFile(try Fixtures.bytes("jpeg/coded/gray.jpg")).inserting(segments.map { (0xE1, $0) })
  }

  static func png(_ chunks: [PNGFile.Chunk], isBehindData: Bool = false) throws -> [UInt8] {
    var file = PNGFile(try Fixtures.bytes("png/pngsuite/basn2c08.png"))
    file.chunks.insert(contentsOf: chunks, at: isBehindData ? file.chunks.count - 1 : 1)
    return file.bytes
  }

  static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var count = compressBound(uLong(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(count))
    precondition(unsafe compress(&result, &count, bytes, uLong(bytes.count)) == Z_OK)
    return Array(result.prefix(Int(count)))
  }

  /// A chunk of text of this kind: `tEXt`, `zTXt`, `iTXt`, or `iTXt+` for a compressed `iTXt`.
  static func text(_ kind: String, _ keyword: String, _ text: [UInt8]) -> PNGFile.Chunk {
    let name = Array(keyword.utf8) + [0]
    return switch kind {
    case "tEXt": (kind, name + text)
    case "zTXt": (kind, name + [0] + deflated(text))
    case "iTXt": (kind, name + [0, 0, 0, 0] + text)
    default: ("iTXt", name + [1, 0, 0, 0] + deflated(text))
    }
  }

  /// A profile as ImageMagick writes it: its name, its length, and hexadecimal digits in lines of 36 bytes.
  static func rawProfile(_ kind: String, _ type: String, _ bytes: [UInt8]) -> PNGFile.Chunk {
    var lines = "\n\(type)\n\(String(repeating: " ", count: 8 - "\(bytes.count)".count))\(bytes.count)"
    for (index, byte) in bytes.enumerated() {
      if index % 36 == 0 { lines += "\n" }
      lines += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text(kind, "Raw profile type \(type)", Array((lines + "\n").utf8))
  }

  /// Segments of extended XMP (XMP part 3, 1.1.3.1): a packet that names the digest, and portions of `count` bytes.
  static func extended(_ packet: String, count: Int) -> [[UInt8]] {
    let digest = String(repeating: "AB01", count: 8)
    let bytes = Array(packet.utf8)
    let main = Self.packet(#"xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="\#(digest)""#)
    return [xmpTag + Array(main.utf8)]
      + stride(from: 0, to: bytes.count, by: count).map { offset in
        Array("http://ns.adobe.com/xmp/extension/\0\(digest)".utf8) + PNGFile.bigEndian(UInt32(bytes.count))
          + PNGFile.bigEndian(UInt32(offset)) + bytes[offset..<min(offset + count, bytes.count)]
      }
  }

  // MARK: Cases

  /// The forms in which RDF can write a location, in the packet of a JPEG.
  static func forms() throws -> [Case] {
    let exif = #"xmlns:exif="\#(exifNamespace)""#
    let packets: [(String, String, Bool)] = [
      ("attributes", position, true),
      ("one attribute", packet("\(exif) exif:GPSLatitude='42,54.0N'"), true),
      ("an attribute with blanks around its sign", packet("\(exif) exif:GPSLongitude \n =\n \"2,24.0W\""), true),
      ("an element", packet(exif, "<exif:GPSLatitude>42,54.0N</exif:GPSLatitude>"), true),
      ("an altitude", packet(exif, "<exif:GPSAltitude>800/1</exif:GPSAltitude>"), true),
      ("another prefix", packet(#"xmlns:e="\#(exifNamespace)" e:GPSLatitude="42,54.0N""#), true),
      ("the default namespace", packet("", #"<GPSLatitude xmlns="\#(exifNamespace)">42,54.0N</GPSLatitude>"#), true),
      (
        "inside a structure",
        packet(
          #"\#(exif) xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/""#,
          """
          <Iptc4xmpExt:LocationCreated><rdf:Bag><rdf:li rdf:parseType="Resource"><exif:GPSLatitude>42,54.0N</exif:GPSLatitude>\
          </rdf:li></rdf:Bag></Iptc4xmpExt:LocationCreated>
          """), true
      ),
      (
        "a drone's own names",
        packet(#"xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:GpsLatitude="+42.9""#), true
      ),
      (
        "the W3C's vocabulary",
        packet(#"xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" geo:lat="42.9" geo:long="-2.4""#), true
      ),
      ("nothing", packet(), false),
      ("only the namespace", packet(exif), false),
      ("exposure alone", packet("\(exif) exif:ExposureTime=\"1/100\""), false),
      ("the words in a title", packet("", "<dc:title>GPSLatitude and GPS, lat = long</dc:title>"), false),
      ("the words in a value", packet(#"dc:format="exif:GPSLatitude""#), false),
    ]
    return try packets.map { name, packet, hasGPS in
      Case(name, try jpeg([xmpTag + Array(packet.utf8)]), hasGPS: hasGPS)
    }
  }

  /// The encodings of a packet (XMP part 1, 7.1).
  static func encodings() throws -> [Case] {
    func units(_ text: String, _ width: Int, bigEndian: Bool) -> [UInt8] {
      let values = width == 2 ? text.utf16.map(UInt32.init) : text.unicodeScalars.map(\.value)
      return values.flatMap { value in
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * (bigEndian ? width - 1 - $0 : $0))) }
      }
    }
    // These characters contain bytes that look like markup if the bytes are read one by one.
    let elements = "<dc:title>\u{223C}\u{2222}\u{3C3E}\u{1F332}</dc:title>"
    let exif = #"xmlns:exif="\#(exifNamespace)""#
    let with = packet(exif, elements + "<exif:GPSLatitude>42,54.0N</exif:GPSLatitude>")
    let without = packet(exif, elements)
    var cases: [Case] = []
    for (packet, hasGPS) in [(with, true), (without, false)] {
      for mark in ["", "\u{FEFF}"] {
        let name = "\(mark.isEmpty ? "no mark" : "a mark"), \(hasGPS ? "GPS" : "none")"
        cases.append(Case("UTF-8, \(name)", try jpeg([xmpTag + Array((mark + packet).utf8)]), hasGPS: hasGPS))
        for width in [2, 4] {
          for bigEndian in [true, false] {
            let bytes = units(mark + packet, width, bigEndian: bigEndian)
            cases.append(
              Case(
                "UTF-\(8 * width), \(bigEndian ? "big" : "little") end first, \(name)", try jpeg([xmpTag + bytes]),
                hasGPS: hasGPS))
          }
        }
      }
    }
    return cases
  }

  /// The places in a file at which a location may be stored.
  static func carriers() throws -> [Case] {
    let xmp = Array(position.utf8)
    let none = Array(packet().utf8)
    let keyword = "XML:com.adobe.xmp"
    var cases = [
      Case("JPEG: EXIF", try jpeg([exifTag + tiff])),
      Case("JPEG: the second EXIF, behind an empty one", try jpeg([exifTag, exifTag + tiff])),
      Case("JPEG: the second packet", try jpeg([xmpTag + none, xmpTag + xmp])),
      Case("PNG: eXIf", try png([("eXIf", tiff)])),
      Case("PNG: eXIf with a JPEG's prefix", try png([("eXIf", exifTag + tiff)])),
      Case("PNG: two packets", try png([text("iTXt", keyword, none), text("iTXt", keyword, xmp)])),
      Case("PNG: a text named after it", try png([text("tEXt", "exif:GPSLatitude", Array("42/1".utf8))])),
      Case(
        "PNG: texts of no concern", try png([text("tEXt", "Comment", xmp), text("zTXt", "Title", xmp)]), hasGPS: false),
    ]
    for (name, segments) in [
      ("in order", extended(position, count: 100)), ("whole", extended(position, count: 60_000)),
      ("none", extended(packet(), count: 100)),
    ] {
      cases.append(Case("JPEG: extended XMP, \(name)", try jpeg(segments), hasGPS: name != "none"))
      let turned = segments.prefix(1) + segments.dropFirst().reversed()
      cases.append(Case("JPEG: extended XMP, \(name), turned", try jpeg(Array(turned)), hasGPS: name != "none"))
    }
    for isBehindData in [false, true] {
      let place = isBehindData ? "behind the data" : "before the data"
      for kind in ["tEXt", "zTXt", "iTXt", "iTXt+"] {
        cases.append(
          Case("PNG: packet in \(kind), \(place)", try png([text(kind, keyword, xmp)], isBehindData: isBehindData)))
        cases.append(
          Case(
            "PNG: packet without it in \(kind), \(place)",
            try png([text(kind, keyword, none)], isBehindData: isBehindData),
            hasGPS: false))
      }
      for (type, bytes) in [
        ("exif", exifTag + tiff), ("exif", tiff), ("APP1", exifTag + tiff), ("APP1", xmpTag + xmp), ("xmp", xmp),
      ] {
        for kind in ["tEXt", "zTXt"] {
          cases.append(
            Case(
              "PNG: raw profile \(type) of \(bytes.count) bytes in \(kind), \(place)",
              try png([rawProfile(kind, type, bytes)], isBehindData: isBehindData)))
        }
      }
    }
    // The packet is longer than the part of the file's end that is read at once. It follows a single piece of image data, or many.
    let long = Array(packet("", #"<dc:title>\#(String(repeating: "x", count: 200_000))</dc:title>"#).utf8)
    let large = Array((position + String(repeating: " ", count: 200_000)).utf8)
    for (bytes, hasGPS) in [(large, true), (long, false)] {
      cases.append(
        Case(
          "PNG: a packet of 200 kB behind the data, \(hasGPS ? "GPS" : "none")",
          try png([text("iTXt", keyword, bytes)], isBehindData: true), hasGPS: hasGPS))
    }
    return cases
  }

  /// Names of places, and texts that only look like such names, in the resources of Photoshop. A PNG contains these resources as well.
  static func places() throws -> [(name: String, bytes: [UInt8], isNamed: Bool)] {
    func dataset(_ number: UInt8, _ text: String) -> [UInt8] {
      [0x1C, 2, number, 0, UInt8(text.utf8.count)] + text.utf8
    }
    func resources(_ iptc: [UInt8]) -> [UInt8] {
      // The first resource has an odd size and a name.
      Array("8BIM".utf8) + [4, 0x0B, 3] + Array("abc".utf8) + PNGFile.bigEndian(1) + [7, 0]
        + Array("8BIM".utf8) + [4, 4, 0, 0] + PNGFile.bigEndian(UInt32(iptc.count)) + iptc
    }
    func jpeg(_ parts: [ArraySlice<UInt8>]) throws -> [UInt8] {
      JPEGFile(try Fixtures.bytes("jpeg/coded/gray.jpg"))
        .inserting(parts.map { (0xED, Array("Photoshop 3.0\0".utf8) + $0) })
    }
    let named = resources(dataset(25, "a keyword") + dataset(90, "Oñati"))
    let unnamed = resources(dataset(25, "city") + dataset(120, "2:90 City"))
    return [
      ("JPEG: IPTC", try jpeg([named[...]]), true), ("JPEG: IPTC without", try jpeg([unnamed[...]]), false),
      ("JPEG: IPTC in two segments", try jpeg([named[..<25], named[25...]]), true),
      ("PNG: raw profile iptc", try png([rawProfile("zTXt", "iptc", Array("Photoshop 3.0\0".utf8) + named)]), true),
      ("PNG: raw profile 8bim", try png([rawProfile("tEXt", "8bim", named)]), true),
      ("PNG: raw profile iptc without", try png([rawProfile("zTXt", "iptc", unnamed)]), false),
    ]
  }

  /// Files whose metadata cannot be searched completely.
  static func unclearFiles() throws -> [(name: String, bytes: [UInt8])] {
    let keyword = "XML:com.adobe.xmp"
    let none = Array(packet().utf8)
    var damaged = text("zTXt", keyword, none)
    for index in damaged.data.indices.suffix(60) { damaged.data[index] ^= 0x55 }
    var short = text("iTXt+", keyword, none)
    short.data.removeLast(40)
    let extended = extended(packet(), count: 100)
    var damagedEnd = PNGFile(try png([]))
    damagedEnd.chunks.insert(text("iTXt", keyword, none), at: damagedEnd.chunks.count - 1)
    var badChecksum = damagedEnd.bytes
    badChecksum[badChecksum.count - 13] ^= 1
    #if DEBUG
    // Without optimization the search through 37 MiB takes 20 s.
    let large: [(name: String, bytes: [UInt8])] = []
    #else
    let bomb = none + [UInt8](repeating: UInt8(ascii: " "), count: 20 << 20)
    let filler = [UInt8](repeating: UInt8(ascii: " "), count: 65_000)
    let large = [
      ("PNG: a packet that inflates to 20 MiB", try png([text("zTXt", keyword, bomb)])),
      ("JPEG: 17 MiB of packets", try jpeg([[UInt8]](repeating: xmpTag + filler, count: 275))),
    ]
    #endif
    return large + [
      ("PNG: a damaged packet", try png([damaged])), ("PNG: a packet cut short", try png([short])),
      (
        "PNG: a profile of other digits",
        try png([text("tEXt", "Raw profile type exif", Array("\nexif\n 4\nzzzz\n".utf8))])
      ),
      ("PNG: a wrong checksum behind the data", badChecksum),
      ("JPEG: a portion is missing", try jpeg(Array(extended.dropLast()))),
      ("JPEG: a portion is too short", try jpeg([extended[0], Array(extended[1].prefix(50))])),
      ("JPEG: zeros in a packet", try jpeg([xmpTag + none + [0, 0] + none])),
    ]
  }

  static let cases = (try? forms() + encodings() + carriers()) ?? []
  static let placeCases = (try? places()) ?? []
  static let unclearCases = (try? unclearFiles()) ?? []

  /// A file with a name that no other test uses.
  static func file(_ bytes: [UInt8], _ name: String = "") throws -> URL {
    let file = TestFolder.url.appending(path: "gesso-location-\(UUID().uuidString)\(name)")
    try Data(bytes).write(to: file)
    return file
  }

  @Test("the lists of cases are not empty") func prerequisites() {
    #expect(Self.cases.count > 80 && Self.placeCases.count == 6 && Self.unclearCases.count >= 7)
  }

  @Test("a position is found in every carrier, and only there", arguments: cases)
  func seen(_ test: Case) throws {
    let description = try ImagePreparer().inspectBlocking(.memory(test.bytes))
    #expect(description.hasGPS == test.hasGPS)
    #expect(description.notes.isEmpty, "\(description.notes)")
    let file = try Self.file(test.bytes)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(try ImagePreparer().inspectBlocking(.file(file.path)).hasGPS == test.hasGPS)
  }

  @Test("a second eXIf of a PNG, which is not read, leaves the location open", arguments: [1, 2])
  func secondEXIF(count: Int) throws {
    var file = PNGFile(try Fixtures.bytes("png/small-rgb8.png"))
    let plain = DeclaredColorTests.Tags(colorSpace: 1).tiff
    for _ in 0..<count { file.chunks.insert(("eXIf", plain), at: 1) }
    let found = try ImagePreparer().inspectBlocking(.memory(file.bytes))
    #expect(found.hasEXIF && found.hasGPS == (count == 2))
  }

  @Test("names of places are found in IPTC metadata", arguments: placeCases.indices)
  func placeNames(index: Int) throws {
    let (name, bytes, isNamed) = Self.placeCases[index]
    let description = try ImagePreparer().inspectBlocking(.memory(bytes))
    #expect(description.hasPlaceName == isNamed && !description.hasGPS && description.notes.isEmpty, "\(name)")
  }

  @Test("metadata that cannot be searched count as a position, with a note", arguments: unclearCases.indices)
  func mayHold(index: Int) throws {
    let (name, bytes) = Self.unclearCases[index]
    let description = try ImagePreparer().inspectBlocking(.memory(bytes))
    #expect(description.hasGPS, "\(name)")
    #expect(
      description.notes == [
        "some metadata are damaged, too large or too many to be looked through, and may hold a GPS position"
      ], "\(name)")
  }

  @Test("damaged metadata of every kind are searched without a trap")
  func hostile() throws {
    var random = SplitMix64(seed: 7)
    let xmp = Array(Self.position.utf8)
    let whole = Self.extended(Self.position, count: 100)
    let profile = Self.rawProfile("zTXt", "exif", Self.exifTag + Self.tiff)
    let packet = Self.text("iTXt+", "XML:com.adobe.xmp", xmp)
    let resources = Array("Photoshop 3.0\08BIM".utf8) + [4, 4, 0, 0, 0, 0, 0, 6, 0x1C, 2, 90, 0, 1, 65]
    var noticed = 0
    for _ in 0..<2_000 {
      func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        for _ in 0..<3 {
          guard let index = bytes.indices.randomElement(using: &random) else { break }
          bytes[index] = UInt8.random(in: 0...255, using: &random)
        }
        return bytes
      }
      let location = LocationReader(
        exif: damaged(Self.tiff), xmp: damaged(xmp),
        segments: (whole + [Self.exifTag + Self.tiff, resources]).map { damaged($0)[...] },
        chunks: [profile, packet].map { PNGChunk(type: $0.type, data: damaged($0.data)) })
      if location.hasCoordinates || location.isIncomplete { noticed += 1 }
    }
    // In most rounds the damage is after the first name of a position.
    #expect(noticed > 1_000)
  }

  // MARK: exiftool as the judge

  static let names = ["gps", "latitude", "longitude"]

  /// True if exiftool reads a position.
  static func hasGPS(_ tags: [String: Any]) -> Bool {
    tags.keys.contains { tag in
      let name = tag.split(separator: ":").last?.lowercased() ?? ""
      return names.contains { name.contains($0) } || ["lat", "long"].contains(name)
    }
  }

  @Test(
    "exiftool finds a position in the same files",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"))
  func judged() throws {
    let folder = TestFolder.url.appending(path: "gesso-judged-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (index, test) in Self.cases.enumerated() {
      try Data(test.bytes).write(to: folder.appending(path: "\(index).\(test.bytes[0] == 0xFF ? "jpg" : "png")"))
    }
    let files = try #require(
      try JSONSerialization.jsonObject(with: ExifTool.run(["-json", "-G1", "-a", "-s", folder.path]))
        as? [[String: Any]])
    #expect(files.count == Self.cases.count)
    for tags in files {
      let path = try #require(tags["SourceFile"] as? String)
      let test = Self.cases[try #require(Int(URL(filePath: path).deletingPathExtension().lastPathComponent))]
      #expect(Self.hasGPS(tags) == test.hasGPS, "\(test.name): \(tags)")
    }
  }

  /// The arguments with which exiftool writes metadata, and the location that must be found.
  static let written: [(arguments: [String], hasGPS: Bool, hasPlaceName: Bool)] = [
    (["-XMP-exif:GPSLatitude=42.9", "-XMP-exif:GPSLongitude=-2.4"], true, false),
    (["-XMP-exif:GPSAltitude=800"], true, false), (["-EXIF:GPSLatitude=42.9", "-EXIF:GPSLatitudeRef=N"], true, false),
    (["-XMP-iptcExt:LocationShownGPSLatitude=42.9"], true, false),
    (["-XMP-iptcExt:LocationCreatedCity=Oñati"], false, true),
    (["-XMP-photoshop:City=Oñati"], false, true), (["-XMP-iptcCore:CountryCode=ES"], false, true),
    (["-IPTC:Country-PrimaryLocationName=Spain"], false, true),
    (["-IPTC:Keywords=city", "-XMP-dc:Subject=gps"], false, false),
    (["-XMP-iptcCore:CreatorCity=Oñati"], false, false), (["-XMP-dc:Title=GPSLatitude=\"1\""], false, false),
    (["-XMP-dc:Description=" + String(repeating: "long ", count: 30_000), "-XMP-exif:GPSLatitude=42.9"], true, false),
  ]

  @Test(
    "positions and places that exiftool writes are found, in packets of every size",
    .sameOnEveryInstructionSet,
    .enabled(if: ExifTool.isInstalled, "exiftool is not installed: Scripts/setup test installs it"))
  func writtenByExiftool() throws {
    var files: [(file: URL, index: Int, form: [String])] = []
    var lines: [String] = []
    for index in Self.written.indices {
      for form in [["jpg"], ["png"], ["png", "-api", "PNGEarlyXMP=1"], ["png", "-z"]] {
        let name = form[0] == "jpg" ? "jpeg/small-420.jpg" : "png/small-rgb8.png"
        let file = try Self.file(try Fixtures.bytes(name), ".\(form[0])")
        files.append((file, index, form))
        lines += Self.written[index].arguments + ["-q", "-overwrite_original", "-n"] + form.dropFirst()
        lines += [file.path, "-execute"]
      }
    }
    // One process writes all files, and reads its arguments from a file because they would not fit on a command line.
    let commands = try Self.file(Array(lines.joined(separator: "\n").utf8))
    defer { for file in files.map(\.file) + [commands] { try? FileManager.default.removeItem(at: file) } }
    _ = try ExifTool.run(["-@", commands.path])
    for (file, index, form) in files {
      let (arguments, hasGPS, hasPlaceName) = Self.written[index]
      let description = try ImagePreparer().inspectBlocking(.file(file.path))
      #expect(
        description.hasGPS == hasGPS && description.hasPlaceName == hasPlaceName && description.notes.isEmpty,
        "\(arguments.map { $0.prefix(60) }) in \(form)")
      #expect(description.hasXMP || description.hasEXIF || arguments[0].hasPrefix("-IPTC"))
    }
  }

  // MARK: Results

  @Test(
    "there is a note whether a position was kept or stripped",
    arguments: [
      ("jpeg", "xmp", "jpeg", "kept GPS"), ("jpeg", "xmp", "png", "kept GPS"),
      ("jpeg", "extended", "jpeg", "stripped GPS"),
      ("png", "packet", "jpeg", "kept GPS"), ("png", "compressed", "png", "kept GPS"),
      ("png", "profile", "png", "kept GPS"), ("png", "profile", "jpeg", "kept GPS"), ("png", "none", "png", nil),
    ] as [(String, String, String, String?)])
  func kept(source: String, carrier: String, format: String, note: String?) throws {
    let xmp = Array(Self.position.utf8)
    let keyword = "XML:com.adobe.xmp"
    let bytes =
      switch carrier {
      case "xmp": try Self.jpeg([Self.xmpTag + xmp])
      case "extended": try Self.jpeg(Self.extended(Self.position, count: 100))
      case "packet": try Self.png([Self.text("iTXt", keyword, xmp)])
      case "compressed": try Self.png([Self.text("iTXt+", keyword, xmp)])
      case "profile": try Self.png([Self.rawProfile("zTXt", "exif", Self.exifTag + Self.tiff)])
      default: try Self.png([])
      }
    var recipe = Recipe(output: format == "jpeg" ? .jpeg() : .png(), metadata: .keep)
    let prepared = try ImagePreparer().prepareBlocking(.memory(bytes), as: recipe)
    #expect(prepared.notes.filter { $0.contains("GPS") } == [note].compactMap(\.self))
    #expect(try ImagePreparer().inspectBlocking(.memory(prepared.bytes)).hasGPS == (note == "kept GPS"))
    recipe.metadata = .none
    let stripped = try ImagePreparer().prepareBlocking(.memory(bytes), as: recipe)
    #expect(stripped.notes.contains("stripped GPS") == (note != nil))
    #expect(try !ImagePreparer().inspectBlocking(.memory(stripped.bytes)).hasGPS)
  }
}
