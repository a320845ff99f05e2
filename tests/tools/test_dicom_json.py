"""DICOM JSON: what a header holds comes back from it, what JSON cannot hold is left out or referred to."""

from __future__ import annotations

import json

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from tools.dicom_json import attribute_tag, bulk_value, dataset_json, encoded

PATH = "/studies/1.2/series/1.3/instances/1.4"


def header() -> Dataset:
    dataset = Dataset()
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Doe^Jane", "7", ""
    dataset.PixelSpacing, dataset.InstanceNumber = ["0.50", "0.75"], "3"
    item = Dataset()
    item.add_new(0x00283006, "OW", np.arange(600, dtype="<u2").tobytes())
    item.LUTDescriptor = [600, 0, 16]
    dataset.ModalityLUTSequence = [Dataset(), item]
    dataset.add_new(0x00420011, "OB", b"12345678")
    return dataset


def test_a_header_comes_back() -> None:
    document = json.loads(encoded(dataset_json(header(), PATH)))
    del document["00283000"]["Value"][1]["00283006"]
    source = header()
    del source.ModalityLUTSequence[1].LUTData
    assert Dataset.from_json(document) == source


def test_long_binary_values_are_addresses_that_lead_back_to_them() -> None:
    document = dataset_json(header(), PATH)
    uri = document["00283000"]["Value"][1]["00283006"]["BulkDataURI"]
    assert uri == f"{PATH}/bulkdata/00283000/1/00283006"
    assert bulk_value(header(), uri.partition("/bulkdata/")[2]) == np.arange(600, dtype="<u2").tobytes()
    assert "InlineBinary" in document["00420011"]


def test_places_that_hold_no_binary_value_give_none() -> None:
    for place in ("00283000/2/00283006", "00283000/0/00283006", "00100010", "00100010/0/00100020", "00283000"):
        assert bulk_value(header(), place) is None


def test_values_that_no_parser_takes_are_left_out_alone() -> None:
    dataset = header()
    dataset[Tag(0x00200013)] = RawDataElement(Tag(0x00200013), "IS", 3, b"1A ", 0, False, True)
    dataset.RealWorldValueSlope = float("inf")
    document = dataset_json(dataset, PATH)
    assert not {"00200013", "00409225"} & document.keys()
    assert document["00100020"] == {"vr": "LO", "Value": ["7"]}


def test_group_lengths_and_file_meta_information_stay_out() -> None:
    dataset = header()
    dataset.add_new(0x00100000, "UL", 12)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    document = dataset_json(dataset, PATH)
    assert "00100000" not in document
    assert document["00080005"]["Value"] == ["ISO_IR 192"]


def test_names_of_attributes() -> None:
    assert (attribute_tag("StudyDate"), attribute_tag("7fe00010"), attribute_tag("x")) == ("00080020", "7FE00010", None)
