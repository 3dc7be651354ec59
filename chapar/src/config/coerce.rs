//! Reads structs from the tree. A variable's text becomes what the field asks for: `true`, `30`, a list with
//! commas; an empty one is a list without items or a setting that is not set.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::Node;

impl IntoDeserializer<'_, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a variable's text as a number or a flag; the visitor refuses what cannot be read.
macro_rules! from_text {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self {
                Self::Text(text, _) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => visitor.visit_str(text),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text, _) => visitor.visit_string(text),
            Self::Scalar(value, _) => match value {
                toml::Value::String(text) => visitor.visit_string(text),
                toml::Value::Integer(number) => visitor.visit_i64(number),
                toml::Value::Float(number) => visitor.visit_f64(number),
                toml::Value::Boolean(flag) => visitor.visit_bool(flag),
                other => visitor.visit_string(other.to_string()),
            },
            Self::List(items) => visit_list(items, visitor),
            Self::Table(fields) => {
                let mut entries = MapDeserializer::new(fields.into_iter());
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
        }
    }

    from_text! {
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i64 i64,
        deserialize_i16 visit_i64 i64,
        deserialize_i32 visit_i64 i64,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u64 u64,
        deserialize_u16 visit_u64 u64,
        deserialize_u32 visit_u64 u64,
        deserialize_u64 visit_u64 u64,
        deserialize_f32 visit_f64 f64,
        deserialize_f64 visit_f64 f64,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self {
            Self::Text(text, _) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Text(text, origin) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                let items = items.map(|item| Self::Text(item.to_owned(), origin.clone()));
                visit_list(items.collect(), visitor)
            }
            // CHAPAR_TOKENS__KEYS__0__ID: a table whose names count from 0.
            Self::Table(fields) => {
                let mut items: Vec<(usize, Self)> = Vec::new();
                for (name, node) in fields {
                    let at = name.parse().map_err(|_| {
                        de::Error::custom(format_args!("a list has no key {name:?}"))
                    })?;
                    items.push((at, node));
                }
                items.sort_by_key(|(at, _)| *at);
                if items.iter().enumerate().any(|(at, (name, _))| at != *name) {
                    return Err(de::Error::custom(
                        "a list's items count from 0 without a hole",
                    ));
                }
                visit_list(items.into_iter().map(|(_, node)| node).collect(), visitor)
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self {
            Self::Text(text, _) | Self::Scalar(toml::Value::String(text), _) => {
                StrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

fn visit_list<'de, V: Visitor<'de>>(items: Vec<Node>, visitor: V) -> Result<V::Value, Error> {
    let mut items = SeqDeserializer::new(items.into_iter());
    let value = visitor.visit_seq(&mut items)?;
    items.end()?;
    Ok(value)
}
