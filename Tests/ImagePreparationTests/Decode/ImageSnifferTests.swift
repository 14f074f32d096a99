import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Recognition of formats")
struct ImageSnifferTests {
  @Test(
    "other kinds are named, with a command that converts them",
    arguments: [
      ("foreign/webp.png", "WebP"), ("foreign/gif.jpg", "GIF"), ("foreign/bmp.bmp", "BMP"),
      ("foreign/tiff.tif", "TIFF"),
      ("foreign/targa.tga", "TGA"), ("foreign/header.avif", "AVIF"), ("foreign/header.heic", "HEIC"),
      ("foreign/header.psd", "PSD"),
    ])
  func otherKinds(file: String, kind: String) throws {
    let source = ImageSource.file(Fixtures.path(file))
    let error = try #require(failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(source) })
    #expect(error.code == .unsupportedFormat)
    #expect(error.message.contains(kind))
    #expect(error.remedy.description.contains("out"))
  }

  @Test(
    "first bytes of kinds without a fixture",
    arguments: [
      ("\u{0}\u{0}\u{0}\u{C}JXL \r\n", "JPEG XL"), ("\u{0}\u{0}\u{0}\u{C}jP  \r\n", "JPEG 2000"),
      ("\u{0}\u{0}\u{0}\u{18}ftypmif1", "HEIF"), ("\u{0}\u{0}\u{0}\u{18}ftypisom", "video"), ("%PDF-1.7", "PDF"),
      ("<?xml version=\"1.0\"?>\n<svg xmlns=", "SVG"),
    ])
  func firstBytes(head: String, kind: String) {
    let error = failure { () throws(PreparationError) in try ImageSniffer.format(of: Array(head.utf8)) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains(kind) == true)
  }

  @Test(
    "a file that is no image is refused",
    arguments: [
      ([UInt8]("just some words".utf8), "text"), (Array("naïve, cut: \u{E9}".utf8.dropLast()), "text"),
      ([0xFF, 0xFE, 0x41, 0x00], "text"), ([0], "neither"), ([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0], "neither"),
    ])
  func noImage(head: [UInt8], word: String) {
    let error = failure { () throws(PreparationError) in try ImageSniffer.format(of: head) }
    #expect(error?.code == .notAnImage)
    #expect(error?.message.contains(word) == true)
  }

  @Test("a text file named .jpg") func textFile() {
    let source = ImageSource.file(Fixtures.path("foreign/text.jpg"))
    #expect(failure { () throws(PreparationError) in try ImagePreparer().inspectBlocking(source) }?.code == .notAnImage)
  }
}
