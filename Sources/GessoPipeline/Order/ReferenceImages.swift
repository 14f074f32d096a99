public import ImagePreparation
internal import ScenarioAPI

/// Images for a field that only the model's description names, such as the references of a model that takes several.
public struct ReferenceImages: Sendable {
  /// The images, each in a form that can be read twice. They are prepared by the order's recipe and uploaded.
  public var images: [ImageSource]
  /// True for a field that takes a list. If the field had a text instead, the service would ignore the text and still bill the job
  /// (contract, section 6).
  public var isList: Bool

  /// Makes the images of a field.
  public init(images: [ImageSource], isList: Bool) {
    self.images = images
    self.isList = isList
  }

  /// The field's value when the images are these uploads.
  func value(_ assets: [AssetID]) -> JSONValue {
    let texts = assets.map { JSONValue.string($0.rawValue) }
    return isList || texts.count != 1 ? .array(texts) : texts[0]
  }

  /// The field's value before the images are uploaded.
  package var laterValue: JSONValue { value(images.map { _ in Img2ImgOrder.laterAsset }) }
}
