/// The brands of an ISO base media file (ISO/IEC 14496-12, 4.3).
enum MediaBrand {
  /// The major brand, then the compatible ones as far as the first bytes go; nil for another kind of file.
  static func brands(of head: [UInt8]) -> [String]? {
    guard head.count >= 12, head[4..<8].elementsEqual("ftyp".utf8) else { return nil }
    let count = min(head.count, max(12, head.prefix(4).reduce(0) { $0 << 8 | Int($1) }))
    return stride(from: 8, to: count - 3, by: 4).filter { $0 != 12 }
      .map { String(decoding: head[$0..<$0 + 4], as: UTF8.self) }
  }

  /// The format of a file of pictures (ISO/IEC 23008-12, AV1 Image File Format); nil for all others. The major brand identifies most
  /// files. If it is that of HEIF in general, the compatible brands decide.
  static func format(of head: [UInt8]) -> ImageDescription.Format? {
    guard let brands = brands(of: head), let major = brands.first else { return nil }
    let isGeneral = general.contains(major)
    let brand = isGeneral ? brands.first { avif.contains($0) || heic.contains($0) } ?? major : major
    return avif.contains(brand) ? .avif : isGeneral || heic.contains(brand) ? .heic : nil
  }

  private static let general: Set = ["mif1", "msf1"]
  private static let avif: Set = ["avif", "avis"]
  private static let heic: Set = ["heic", "heix", "hevc", "hevx", "heim", "heis"]
}
