"""China's 34 provinces as tiles: codes and names of GB/T 2260-2007, letters of ISO 3166-2:CN, a layout of our own."""

from collections.abc import Mapping
from typing import NamedTuple

from cloudhall.console.charts.tiles import Tile
from cloudhall.kernel.text import Language


class Province(NamedTuple):
    """One province by its short names, and where its tile lies."""

    zh: str
    en: str
    letters: str
    row: int
    column: int


PROVINCES: Mapping[str, Province] = {
    "11": Province("北京", "Beijing", "BJ", 1, 5),
    "12": Province("天津", "Tianjin", "TJ", 1, 6),
    "13": Province("河北", "Hebei", "HE", 2, 5),
    "14": Province("山西", "Shanxi", "SX", 2, 4),
    "15": Province("内蒙古", "Inner Mongolia", "NM", 1, 4),
    "21": Province("辽宁", "Liaoning", "LN", 2, 7),
    "22": Province("吉林", "Jilin", "JL", 1, 7),
    "23": Province("黑龙江", "Heilongjiang", "HL", 0, 7),
    "31": Province("上海", "Shanghai", "SH", 4, 7),
    "32": Province("江苏", "Jiangsu", "JS", 3, 6),
    "33": Province("浙江", "Zhejiang", "ZJ", 4, 6),
    "34": Province("安徽", "Anhui", "AH", 3, 5),
    "35": Province("福建", "Fujian", "FJ", 5, 6),
    "36": Province("江西", "Jiangxi", "JX", 4, 5),
    "37": Province("山东", "Shandong", "SD", 2, 6),
    "41": Province("河南", "Henan", "HA", 3, 4),
    "42": Province("湖北", "Hubei", "HB", 4, 4),
    "43": Province("湖南", "Hunan", "HN", 5, 4),
    "44": Province("广东", "Guangdong", "GD", 5, 5),
    "45": Province("广西", "Guangxi", "GX", 6, 3),
    "46": Province("海南", "Hainan", "HI", 7, 4),
    "50": Province("重庆", "Chongqing", "CQ", 4, 3),
    "51": Province("四川", "Sichuan", "SC", 4, 2),
    "52": Province("贵州", "Guizhou", "GZ", 5, 3),
    "53": Province("云南", "Yunnan", "YN", 5, 2),
    "54": Province("西藏", "Tibet", "XZ", 4, 0),
    "61": Province("陕西", "Shaanxi", "SN", 3, 3),
    "62": Province("甘肃", "Gansu", "GS", 2, 2),
    "63": Province("青海", "Qinghai", "QH", 3, 1),
    "64": Province("宁夏", "Ningxia", "NX", 2, 3),
    "65": Province("新疆", "Xinjiang", "XJ", 2, 0),
    "71": Province("台湾", "Taiwan", "TW", 5, 7),
    "81": Province("香港", "Hong Kong", "HK", 6, 5),
    "82": Province("澳门", "Macao", "MO", 6, 4),
}


def china(language: Language, values: Mapping[str, int]) -> list[Tile]:
    """Tiles of all provinces, with the value of each code that has one; English tiles carry letters."""
    chinese = language == "zh"
    return [
        Tile(p.row, p.column, p.zh if chinese else p.en, p.zh if chinese else p.letters, values.get(code))
        for code, p in PROVINCES.items()
    ]
