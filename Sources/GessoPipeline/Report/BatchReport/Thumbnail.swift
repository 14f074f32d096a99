internal import Digests
internal import Foundation
internal import Ground
internal import ImagePreparation

/// A small picture of an image, or the reason why there is none.
enum Thumbnail: Sendable {
  /// The address of a JPEG, and its size in pixels.
  case picture(address: String, size: ImageSize)
  /// There is none, for this reason.
  case none(String)
}

/// Makes thumbnails, either as part of the page or as files beside it.
struct ThumbnailMaker: Sendable {
  /// An image of a row.
  struct Image: Sendable {
    /// The absolute path of the image; nil if the image is not a file on this machine.
    var path: String?
    /// SHA-256 of the bytes that the order used or made, in hexadecimal; nil if that is not on record.
    var sha256: String?
    /// The name of the thumbnail's file, without extension.
    var name: String
    /// The longest side of the thumbnail.
    var side: Int
  }

  /// Decodes and encodes. It uses one thread for each image, because many thumbnails are made at a time.
  let preparer: ImagePreparer
  /// The folder for files, and its address seen from the page; nil for pictures in the page itself.
  let folder: (path: String, address: String)?

  /// Makes the thumbnail of an image. Only the bytes that the order used are shown. If the file was changed since, the result says so.
  ///
  /// - Throws: `CancellationError`, or a ``PreparationError`` when the thumbnail cannot be written.
  func thumbnail(of image: Image) async throws -> Thumbnail {
    guard let path = image.path else { return .none("Not a file on this machine") }
    // A pipe with that name could block forever.
    guard let file = FileIdentity(path) else { return .none("No longer there") }
    guard file.isRegular else { return .none("No longer a file") }
    return try await offThePool { flag in
      do {
        if let expected = image.sha256, try ContentDigest.sha256(ofFile: path) != expected {
          return .none("Changed since")
        }
        let recipe = Recipe(
          size: .longestSide(image.side), effort: .fast, output: .jpeg(quality: 75), failOn: .none)
        let small = try preparer.prepareBlocking(.file(path), as: recipe, cancellation: flag)
        return .picture(address: try address(of: small.bytes, name: image.name), size: small.size)
      } catch let error as PreparationError where error.stage != .write {
        return .none("Cannot be shown: \(error.message)")
      } catch let error as FileFailure {
        return .none("Cannot be read: \(error.message)")
      }
    }
  }

  private func address(of jpeg: [UInt8], name: String) throws(PreparationError) -> String {
    guard let folder else { return "data:image/jpeg;base64," + Data(jpeg).base64EncodedString() }
    try onFiles(try DurableFile.write(jpeg, to: "\(folder.path)/\(name).jpg", replacing: true))
    return "\(folder.address)/\(name).jpg"
  }
}
